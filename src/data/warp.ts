import type { Random } from "../random.ts";
import type { ImageShape } from "./placement.ts";
import type { Transform } from "./transforms.ts";

/** Fills in, for each pixel of the output `[H, W]`, the row and the column of the input that it shows. Pixel centres are whole numbers. */
export type SourceMap = (rows: Float32Array, columns: Float32Array, height: number, width: number, random: Random) => void;

/** A transform that moves pixels: each takes the value at its source, bilinearly between the four nearest pixels, all channels alike. */
export function warp(drawSources: SourceMap): Transform {
  const draw = warper();
  return (input, output, shape, random) =>
    draw(input, output, shape, (rows, columns, height, width) => drawSources(rows, columns, height, width, random));
}

/** Draws an image with its pixels moved, as `warp` does, to sources that are given each time. */
export type Warper = (
  input: Float32Array,
  output: Float32Array,
  shape: ImageShape,
  sources: (rows: Float32Array, columns: Float32Array, height: number, width: number) => void,
) => void;

/** Has buffers of its own. */
export function warper(): Warper {
  // Kept from image to image: a transform runs for every sample of every epoch.
  let rows = new Float32Array(0);
  let columns = rows;
  let framed = rows;
  let seen: ImageShape = [0, 0, 0];
  return (input, output, shape, sources) => {
    const [channels, height, width] = shape;
    if (shape.some((size, axis) => size !== seen[axis])) {
      rows = new Float32Array(height * width);
      columns = new Float32Array(height * width);
      framed = new Float32Array(channels * (height + 2) * (width + 2));
      seen = shape;
    }
    sources(rows, columns, height, width);
    frame(input, framed, shape);
    sampleBilinear(framed, rows, columns, output, shape);
  };
}

/** Copies `[C, H, W]` into the middle of `[C, H + 2, W + 2]`, whose border stays 0: what is just outside then needs no case of its own. */
function frame(image: Float32Array, framed: Float32Array, [channels, height, width]: ImageShape): void {
  let source = 0;
  let target = width + 3;
  for (let channel = 0; channel < channels; channel++, target += 2 * (width + 2)) {
    for (let y = 0; y < height; y++, target += 2) {
      for (let x = 0; x < width; x++) framed[target++] = image[source++] as number;
    }
  }
}

function sampleBilinear(
  framed: Float32Array,
  rows: Float32Array,
  columns: Float32Array,
  output: Float32Array,
  [channels, height, width]: ImageShape,
): void {
  const stride = width + 2;
  const pixels = height * width;
  for (let channel = 0; channel < channels; channel++) {
    const plane = channel * (height + 2) * stride;
    const target = channel * pixels;
    for (let pixel = 0; pixel < pixels; pixel++) {
      const row = (rows[pixel] as number) + 1;
      const column = (columns[pixel] as number) + 1;
      let value = 0;
      if (row >= 0 && row < height + 1 && column >= 0 && column < width + 1) {
        const top = row | 0;
        const left = column | 0;
        const across = column - left;
        const corner = plane + top * stride + left;
        const topLeft = framed[corner] as number;
        const bottomLeft = framed[corner + stride] as number;
        const upper = topLeft + across * ((framed[corner + 1] as number) - topLeft);
        const lower = bottomLeft + across * ((framed[corner + stride + 1] as number) - bottomLeft);
        value = upper + (row - top) * (lower - upper);
      }
      output[target + pixel] = value;
    }
  }
}
