/** `[C, H, W]` */
export type ImageShape = readonly [channels: number, height: number, width: number];

/** Pixels (y, x) with top ≤ y < bottom and left ≤ x < right. */
export interface Box {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/**
 * An image moved by whole pixels: for `top ≤ y < bottom` and `left ≤ x < right`, pixel (y, x) shows pixel
 * (rowDirection·y + rowOffset, columnDirection·x + columnOffset) of the original; every other one is 0.
 */
export interface Placement {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
  readonly rowOffset: number;
  readonly columnOffset: number;
  readonly rowDirection: 1 | -1;
  readonly columnDirection: 1 | -1;
}

/** The image as it is. */
export function inPlace([, height, width]: ImageShape): Placement {
  return { top: 0, bottom: height, left: 0, right: width, rowOffset: 0, columnOffset: 0, rowDirection: 1, columnDirection: 1 };
}

/** Moves what is seen. What leaves the image is gone, also if it is moved back. */
export function moved(placement: Placement, [, height, width]: ImageShape, down: number, right: number): Placement {
  const { rowDirection, columnDirection, rowOffset, columnOffset } = placement;
  return {
    ...placement,
    top: Math.max(0, placement.top + down),
    bottom: Math.min(height, placement.bottom + down),
    left: Math.max(0, placement.left + right),
    right: Math.min(width, placement.right + right),
    rowOffset: rowOffset - rowDirection * down,
    columnOffset: columnOffset - columnDirection * right,
  };
}

/** Mirrors left and right. */
export function mirrored(placement: Placement, [, , width]: ImageShape): Placement {
  const { columnDirection, left, right, columnOffset } = placement;
  return {
    ...placement,
    left: width - right,
    right: width - left,
    columnOffset: columnOffset + columnDirection * (width - 1),
    columnDirection: columnDirection === 1 ? -1 : 1,
  };
}

/** Mirrors top and bottom. */
export function upsideDown(placement: Placement, [, height]: ImageShape): Placement {
  const { rowDirection, top, bottom, rowOffset } = placement;
  return {
    ...placement,
    top: height - bottom,
    bottom: height - top,
    rowOffset: rowOffset + rowDirection * (height - 1),
    rowDirection: rowDirection === 1 ? -1 : 1,
  };
}

/**
 * Draws a placed image: each value of `image` as `tables[256·channel + value]`, everything around it as `tables[256·channel]`.
 *
 * @param image `[C, H, W]`, whole numbers 0..255.
 * @param tables `[C, 256]`: what a value becomes.
 * @param offset Where in `target` the image begins; all of it is written.
 */
export function drawPlaced(
  image: Uint8Array,
  tables: Float32Array,
  [channels, height, width]: ImageShape,
  placement: Placement,
  target: Float32Array,
  offset: number,
): void {
  const { top, bottom, left, right, rowOffset, columnOffset, rowDirection, columnDirection } = placement;
  const area = height * width;
  if (bottom - top < height || right - left < width) {
    for (let channel = 0; channel < channels; channel++) {
      const start = offset + channel * area;
      target.fill(tables[256 * channel] as number, start, start + area);
    }
  }
  for (let channel = 0; channel < channels; channel++) {
    const table = 256 * channel;
    for (let y = top; y < bottom; y++) {
      const row = offset + channel * area + y * width;
      let source = channel * area + (rowDirection * y + rowOffset) * width + columnOffset + columnDirection * left;
      for (let x = left; x < right; x++, source += columnDirection) target[row + x] = tables[table + (image[source] as number)] as number;
    }
  }
}

/** `drawPlaced` for an image of any values, which stay as they are, into a buffer of the same size. */
export function copyPlaced(image: Float32Array, [channels, height, width]: ImageShape, placement: Placement, target: Float32Array): void {
  const { top, bottom, left, right, rowOffset, columnOffset, rowDirection, columnDirection } = placement;
  target.fill(0);
  for (let channel = 0; channel < channels; channel++) {
    for (let y = top; y < bottom; y++) {
      const row = (channel * height + y) * width;
      let source = (channel * height + rowDirection * y + rowOffset) * width + columnOffset + columnDirection * left;
      for (let x = left; x < right; x++, source += columnDirection) target[row + x] = image[source] as number;
    }
  }
}
