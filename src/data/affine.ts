import { LimbeckError } from "../errors.ts";
import type { Random } from "../random.ts";
import type { Transform } from "./transforms.ts";
import { warp } from "./warp.ts";

/** What is left out does not vary. */
export interface AffineOptions {
  /** Degrees: uniform in ±rotate. */
  readonly rotate?: number;
  /** Factor of size: uniform in [smallest, largest]. */
  readonly scale?: readonly [smallest: number, largest: number];
  /** Degrees of slant of the vertical: uniform in ±shear, below 90. */
  readonly shear?: number;
  /** Pixels: uniform in ±translate along each axis. */
  readonly translate?: number;
}

/**
 * Slants, turns and scales about the centre, then moves, sampling bilinearly in one pass: output = centre + t + s·R·S·(input - centre)
 * with S = [[1, tan shear], [0, 1]] and R the rotation.
 *
 * @throws LimbeckError for a scale that is not positive, or a shear of 90 degrees or more.
 */
export function affine({ rotate = 0, scale = [1, 1], shear = 0, translate = 0 }: AffineOptions): Transform {
  const [smallest, largest] = scale;
  if (!(smallest > 0 && smallest <= largest)) {
    throw new LimbeckError(`The scale [${smallest}, ${largest}] is not a range of sizes.`, {
      hint: "Give [smallest, largest], both above 0.",
    });
  }
  if (!(Math.abs(shear) < 90)) throw new LimbeckError(`A shear of ${shear} degrees has no image.`, { hint: "Give less than 90." });
  return warp((rows, columns, height, width, random) => {
    const angle = radians(symmetric(random, rotate));
    const size = smallest + (largest - smallest) * random.uniform();
    const slant = Math.tan(radians(symmetric(random, shear)));
    const right = symmetric(random, translate);
    const down = symmetric(random, translate);
    // From output to input: the inverse of s·R·S, which is S⁻¹·R⁻¹ / s.
    const cosine = Math.cos(angle) / size;
    const sine = Math.sin(angle) / size;
    linearSources(rows, columns, height, width, {
      xPerX: cosine + slant * sine,
      xPerY: sine - slant * cosine,
      yPerX: -sine,
      yPerY: cosine,
      right,
      down,
    });
  });
}

/** From output to input, about the centre, after a move back by (down, right). */
export interface LinearMap {
  readonly xPerX: number;
  readonly xPerY: number;
  readonly yPerX: number;
  readonly yPerY: number;
  readonly right: number;
  readonly down: number;
}

/** Fills in the sources of a linear map. */
export function linearSources(rows: Float32Array, columns: Float32Array, height: number, width: number, map: LinearMap): void {
  const { xPerX, xPerY, yPerX, yPerY, right, down } = map;
  const centreX = (width - 1) / 2;
  const centreY = (height - 1) / 2;
  for (let y = 0, pixel = 0; y < height; y++) {
    const fromCentreY = y - centreY - down;
    for (let x = 0; x < width; x++, pixel++) {
      const fromCentreX = x - centreX - right;
      rows[pixel] = centreY + yPerY * fromCentreY + yPerX * fromCentreX;
      columns[pixel] = centreX + xPerX * fromCentreX + xPerY * fromCentreY;
    }
  }
}

function symmetric(random: Random, most: number): number {
  return most * (2 * random.uniform() - 1);
}

export function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
