import { inMemory, type Samples } from "../data/samples.ts";
import { elementCount } from "../graph/tensor.ts";
import { pngDataUri } from "../report/png.ts";

/** The longest side of a picture in a report. */
const MOST_PIXELS = 96;

/** Entries about samples with pictures of these, or with the texts that they are. */
export async function withPictures<T extends { readonly index: number }>(
  samples: Samples,
  entries: readonly T[],
): Promise<(T & { readonly image?: string; readonly text?: string })[]> {
  const { texts } = samples;
  if (texts) return entries.map((entry) => ({ ...entry, text: texts.text(entry.index) }));
  const shown = await inMemory(
    samples,
    Uint32Array.from(entries, ({ index }) => index),
  );
  return entries.map((entry, place) => ({ ...entry, image: thumbnail(shown, place) }));
}

/** A sample as a small picture, a `data:` address; nothing where it is not one. */
export function thumbnail(samples: Samples, index: number): string | undefined {
  const [channels, height, width] = samples.sampleShape;
  if ((channels !== 1 && channels !== 3) || height === undefined || width === undefined) return undefined;
  const values = new Float32Array(elementCount(samples.sampleShape));
  samples.read(index, values);
  const step = Math.ceil(Math.max(height, width) / MOST_PIXELS);
  const [rows, columns] = [Math.ceil(height / step), Math.ceil(width / step)];
  const pixels = new Uint8Array(rows * columns * channels);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      for (let channel = 0; channel < channels; channel++) {
        const block = { top: row * step, left: column * step, size: step };
        pixels[(row * columns + column) * channels + channel] = Math.round(
          255 * meanOf(values.subarray(channel * height * width), height, width, block),
        );
      }
    }
  }
  return pngDataUri(pixels, columns, rows, channels);
}

/** The mean of the part of a square that lies within [height, width], within 0..1. */
function meanOf(
  plane: Float32Array,
  height: number,
  width: number,
  { top, left, size }: { readonly top: number; readonly left: number; readonly size: number },
): number {
  let [total, count] = [0, 0];
  for (let y = top; y < Math.min(top + size, height); y++) {
    for (let x = left; x < Math.min(left + size, width); x++, count++) total += plane[y * width + x] as number;
  }
  return Math.min(1, Math.max(0, total / count));
}
