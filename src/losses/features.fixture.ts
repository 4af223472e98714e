/** Test helper, not part of the package: losses on features, as a recipe would build them. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import type { Value } from "../graph/graph.ts";
import { type Float32Tensor, float32 } from "../graph/tensor.ts";
import { randomFor } from "../random.ts";
import type { FeatureLoss, FeatureScene } from "./loss.ts";
import { expectGolden, type Golden, goldenTensors, type LossOf, type Tensors } from "./losses.fixture.ts";

/**
 * The loss that a definition builds of the tensors `student` and `teacher`, or of a pair for each of `pairs`; `mask`, `labels`, `indices`
 * and scalars are tensors of these names.
 *
 * @param given What the recipe would say. @param own What differs of the scene.
 */
export function builtBy(
  definition: FeatureLoss,
  given: Readonly<Record<string, unknown>> = {},
  own: Partial<Omit<FeatureScene<object, object>, "numbers" | "options">> & {
    readonly pairNames?: readonly (readonly [string, string])[];
  } = {},
): LossOf {
  const { pairNames = [["student", "teacher"]], ...scene } = own;
  const recipe = z.object({ ...definition.numbers, ...definition.options }).parse(given);
  return (parts, values) =>
    definition.build({
      ...parts,
      samples: 0,
      classes: 0,
      labels: () => values.labels as Value,
      truth: { labels: values.labels as Value },
      indices: () => values.indices as Value,
      tokenLabels: () => values.tokenLabels as Value,
      scalar: (name) => values[name] as Value,
      numbers: Object.fromEntries(Object.keys(definition.numbers).map((name) => [name, parts.g.scalar(recipe[name] as number)])),
      options: recipe as never,
      pairs: pairNames.map(([student, teacher]) => ({ student: values[student] as Value, teacher: values[teacher] as Value })),
      mask: values.mask,
      ...scene,
    });
}

const workedOut = (name: string): Readonly<Record<string, Golden>> =>
  JSON.parse(readFileSync(new URL(`../../test/golden/${name}.json`, import.meta.url), "utf8"));
const golden = { ...workedOut("losses-relations"), ...workedOut("losses-tokens") };

/** `expectGolden` of what scripts/golden/losses-relations.py and losses-tokens.py work out. */
export function expectWorkedOut(name: string, lossOf: LossOf, wrt: string, tensors: Tensors = goldenTensors): Promise<void> {
  return expectGolden(name, lossOf, wrt, tensors, golden);
}

/** Rows of standard normal numbers. */
export function normalRows(seed: number, shape: readonly [number, number]): Float32Tensor {
  const random = randomFor(seed, ...shape);
  return float32(
    Array.from({ length: shape[0] * shape[1] }, () => random.normal()),
    shape,
  );
}

/** Vectors that are legal, and extreme: every loss on vectors and its gradient must be finite on them. */
export const extremeVectors: Readonly<Record<string, Tensors>> = {
  "equal vectors, and others": {
    student: float32([1, 2, 3, 1, 2, 3, -1, 0, 2], [3, 3]),
    teacher: float32([0, 1, 5, 2, 2, 1, 2, 2, 1], [3, 3]),
  },
  "one vector for all": { student: float32([1, 2, 3, 1, 2, 3], [2, 3]), teacher: float32([4, 4, 4, 4, 4, 4], [2, 3]) },
  "vectors of zeros": { student: float32([0, 0, 0, 0, 0, 0, 1, 2, 1], [3, 3]), teacher: float32([0, 0, 0, 1, 2, 1, 3, 0, 1], [3, 3]) },
  "very long ones": {
    student: float32([1e4, -1e4, 0, 3e4, 1, 1, 1e4, 1e4, 1e4], [3, 3]),
    teacher: float32([1e-4, 0, 0, 0, 1e-4, 0, 1e-4, 1e-4, 1e-4], [3, 3]),
  },
};
