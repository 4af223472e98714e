import { attention } from "./attention.ts";
import { crossEntropy } from "./cross-entropy.ts";
import { kd } from "./kd.ts";
import type { LossDefinition } from "./loss.ts";

/** Every loss that a recipe can name. A new one is its file, and its line here. */
export const lossTable = { crossEntropy, kd, attention } as const satisfies Readonly<Record<string, LossDefinition>>;

export type LossTable = typeof lossTable;
export type LossName = keyof LossTable;
