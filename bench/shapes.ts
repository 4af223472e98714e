import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { type Random, randomFor } from "../src/random.ts";

const SIDE = 64;
const CLASSES = 10;
const AT_ONCE = 16;
/** Every image shows a part of this much noise. */
const NOISE_SIDE = 512;

/**
 * A folder of so many JPEG files of 64×64, in ten classes: flowers of one to ten petals on noise, of any colour, anywhere. It is made once.
 */
export async function folderOfShapes(directory: string, count: number): Promise<void> {
  if (existsSync(directory)) return;
  const unfinished = `${directory}.tmp`;
  await rm(unfinished, { recursive: true, force: true });
  for (let label = 0; label < CLASSES; label++) await mkdir(join(unfinished, String(label)), { recursive: true });
  const random = randomFor(0);
  const noise = Uint8Array.from({ length: 3 * NOISE_SIDE * NOISE_SIDE }, () => random.integer(0, 255));
  for (let start = 0; start < count; start += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, count - start) }, (_, offset) => start + offset);
    await Promise.all(
      numbers.map((number) =>
        sharp(flower(1 + (number % CLASSES), noise, randomFor(1, number)), { raw: { width: SIDE, height: SIDE, channels: 3 } })
          .jpeg()
          .toFile(join(unfinished, String(number % CLASSES), `${number}.jpg`)),
      ),
    );
  }
  await rename(unfinished, directory);
}

/** `[H, W, 3]` */
function flower(petals: number, noise: Uint8Array, random: Random): Uint8Array {
  const pixels = new Uint8Array(3 * SIDE * SIDE);
  const [left, top] = [random.integer(0, NOISE_SIDE - SIDE), random.integer(0, NOISE_SIDE - SIDE)];
  const [x0, y0] = [random.integer(24, 40), random.integer(24, 40)];
  const [radius, turn] = [12 + 6 * random.uniform(), 2 * Math.PI * random.uniform()];
  const colour = Array.from({ length: 3 }, () => random.integer(0, 255));
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const [right, down] = [x - x0, y - y0];
      const edge = radius * (1 + 0.4 * Math.cos(petals * (Math.atan2(down, right) + turn)));
      const isInside = Math.hypot(right, down) < edge;
      for (let channel = 0; channel < 3; channel++) {
        const behind = noise[3 * ((top + y) * NOISE_SIDE + left + x) + channel] as number;
        pixels[3 * (y * SIDE + x) + channel] = isInside ? (3 * (colour[channel] as number) + behind) >> 2 : behind;
      }
    }
  }
  return pixels;
}
