import { writeFileSync } from "node:fs";
import { type Augmentation, toTransform } from "../src/data/augmentation.ts";
import { trainingBatches } from "../src/data/batches.ts";
import { VALUES } from "../src/data/inputs.ts";
import type { MixOptions } from "../src/data/mix.ts";
import type { ImageShape } from "../src/data/placement.ts";
import { memorySamples } from "../src/data/samples.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { randomFor } from "../src/random.ts";
import { pngDataUri } from "../src/report/png.ts";

// Draws docs/augmentations.png: what every transform and every way of mixing makes of one picture, which is drawn here too.
//
//     npx jiti scripts/augmentations.ts
//
// A row for each, in the order below; docs/augment.md names them.

const SIZE = 64;
const SHAPE: ImageShape = [3, SIZE, SIZE];
const COLUMNS = 6;
const GAP = 4;

/** Two blocks of rows, side by side. */
const rows: readonly (Augmentation | { readonly mix: MixOptions })[] = [
  { shift: 12 },
  { crop: { padding: 12, mode: "reflect" } },
  { resizedCrop: {} },
  { rotate: 30 },
  { affine: { rotate: 20, scale: [0.7, 1.3], shear: 20, translate: 6 } },
  { elastic: { alpha: 60, sigma: 5 } },
  { flip: true },
  { flipVertical: true },
  { colorJitter: { brightness: 0.5, contrast: 0.5, saturation: 0.5, hue: 0.2 } },
  { grayscale: 0.5 },
  { invert: true },
  { posterize: 2 },
  { solarize: 0.5 },
  { autocontrast: true },
  { equalize: true },
  { sharpness: 5 },
  { gaussianBlur: { sigma: [0.5, 3] } },
  { gaussianNoise: { std: 0.1 } },
  { erasing: { probability: 1, value: "noise" } },
  { cutout: { size: 24, value: 0.5 } },
  { randAugment: {} },
  { trivialAugment: true },
  { apply: { probability: 0.5, transforms: [{ solarize: 0.5 }, { gaussianBlur: {} }] } },
  { mix: { mixup: { alpha: 1 } } },
  { mix: { cutmix: { alpha: 1 } } },
];

type Colour = readonly [red: number, green: number, blue: number];
type Scene = (x: number, y: number) => Colour;

/** A house on a hill, in a dim light, so that there is contrast to gain. @param x From 0, left, to 1. @param y From 0, top, to 1. */
const house: Scene = (x, y) => {
  if ((x - 0.8) ** 2 + (y - 0.2) ** 2 < 0.011) return [220, 190, 70];
  const isWall = x > 0.2 && x < 0.6 && y > 0.45 && y < 0.8;
  if (isWall && x > 0.27 && x < 0.37 && y > 0.53 && y < 0.65) return [90, 140, 190];
  if (isWall && x > 0.44 && x < 0.54 && y > 0.58) return [90, 55, 40];
  if (isWall) return Math.floor(16 * y) % 2 === 0 ? [190, 150, 120] : [175, 135, 105];
  if (y > 0.25 && y < 0.45 && Math.abs(x - 0.4) < 1.2 * (y - 0.25)) return [170, 60, 50];
  if (y > 0.78 + 0.06 * Math.sin(5 * x)) return [70 + 30 * Math.sin(40 * x) ** 2, 120, 60];
  return [90 + 60 * y, 120 + 50 * y, 170 + 20 * y];
};

/** A ship at sea. */
const ship: Scene = (x, y) => {
  if (y > 0.62 && y < 0.76 && x > 0.2 + 0.8 * (y - 0.62) && x < 0.8 - 0.8 * (y - 0.62)) return [200, 70, 60];
  if (Math.abs(x - 0.5) < 0.015 && y > 0.15 && y < 0.62) return [60, 50, 45];
  if (x > 0.53 && y > 0.18 && y < 0.58 && x < 0.53 + 0.5 * (y - 0.18)) return [215, 210, 200];
  if (y > 0.7 + 0.02 * Math.sin(30 * x)) return [40, 90, 140];
  return [170, 185 - 40 * y, 200 - 60 * y];
};

function pixelsOf(scene: Scene): Uint8Array {
  const pixels = new Uint8Array(3 * SIZE * SIZE);
  for (let place = 0; place < SIZE * SIZE; place++) {
    const colour = scene((place % SIZE) / SIZE, Math.floor(place / SIZE) / SIZE);
    colour.forEach((value, channel) => {
      pixels[channel * SIZE * SIZE + place] = value;
    });
  }
  return pixels;
}

const pictures = [house, ship].map(pixelsOf);
const samples = memorySamples({
  name: "pictures",
  sampleShape: SHAPE,
  classes: ["house", "ship"],
  pixels: Uint8Array.from(pictures.flatMap((pixels) => [...pixels])),
  labels: Uint8Array.of(0, 1),
});
const image = Float32Array.from(pictures[0] as Uint8Array, (byte) => byte / 255);

/** The pictures of a row: the image as it is, then what becomes of it by one stream after another. */
function picturesOf(row: (typeof rows)[number]): Promise<Float32Array[]> {
  const drawn = Array.from({ length: COLUMNS - 1 }, (_, column) => ("mix" in row ? mixed(row.mix, column) : transformed(row, column)));
  return Promise.all([image, ...drawn]);
}

function transformed(augmentation: Augmentation, column: number): Float32Array {
  const output = new Float32Array(image.length);
  toTransform(augmentation)(image, output, SHAPE, randomFor(1, column));
  return output;
}

async function firstOf<T>(all: AsyncIterable<T>): Promise<T> {
  for await (const one of all) return one;
  throw new Error("There are none.");
}

/** The house of an epoch in which its partner is the ship. */
async function mixed(mix: MixOptions, column: number): Promise<Float32Array> {
  let found = 0;
  for (let epoch = 0; ; epoch++) {
    const batch = await firstOf(trainingBatches(samples, { batchSize: 2, seed: 1, epoch, mix }));
    const row = batch.indices.indexOf(0);
    const partner = batch.partners?.labels.data[row];
    if (partner === 1 && found++ === column)
      return ((batch.inputs[VALUES] as Tensor).data as Float32Array).slice(row * image.length, (row + 1) * image.length);
  }
}

const perBlock = Math.ceil(rows.length / 2);
const width = 2 * COLUMNS * (SIZE + GAP) + 3 * GAP;
const height = perBlock * (SIZE + GAP) + GAP;
const sheet = new Uint8Array(width * height * 3).fill(255);
for (const [index, row] of rows.entries()) {
  const block = Math.floor(index / perBlock);
  const top = GAP + (index % perBlock) * (SIZE + GAP);
  (await picturesOf(row)).forEach((picture, column) => {
    const left = GAP + block * (COLUMNS * (SIZE + GAP) + GAP) + column * (SIZE + GAP);
    picture.forEach((value, place) => {
      const [channel, y, x] = [Math.floor(place / SIZE ** 2), Math.floor((place % SIZE ** 2) / SIZE), place % SIZE];
      sheet[((top + y) * width + left + x) * 3 + channel] = Math.round(255 * value);
    });
  });
}
const uri = pngDataUri(sheet, width, height, 3);
const file = new URL("../docs/augmentations.png", import.meta.url);
writeFileSync(file, Buffer.from(uri.slice(uri.indexOf(",") + 1), "base64"));
