import { LimbeckError } from "../errors.ts";
import { grid } from "./grid.ts";
import { halving } from "./halving.ts";
import type { Method } from "./method.ts";
import { random } from "./random.ts";
import type { Dimension } from "./space.ts";
import { tpe } from "./tpe.ts";

export const methodNames = ["grid", "random", "tpe", "halving", "asha"] as const;

/** A way to search, as plain data. */
export type MethodOptions =
  | { readonly name: "grid"; readonly points?: number }
  | { readonly name: "random" | "halving" | "asha"; readonly trials: number; readonly seed: number }
  | { readonly name: "tpe"; readonly trials: number; readonly seed: number; readonly round?: number };

/** @throws LimbeckError when the method can't search these dimensions. */
export function checkMethod(dimensions: readonly Dimension[], { name }: MethodOptions): void {
  if ((name === "halving" || name === "asha") && dimensions.some(({ key }) => /(^|\.)epochs$/.test(key))) {
    throw new LimbeckError("Successive halving chooses the epochs itself, so that they can't be searched.", {
      hint: "Use --method tpe, random or grid.",
    });
  }
}

/** @param epochs Of the recipe. */
export function methodOf(dimensions: readonly Dimension[], options: Exclude<MethodOptions, { name: "asha" }>, epochs: number): Method {
  switch (options.name) {
    case "grid":
      return grid(dimensions, options.points);
    case "random":
      return random(dimensions, options);
    case "tpe":
      return tpe(dimensions, options);
    default:
      return halving(dimensions, { ...options, epochs });
  }
}
