/** Test helper, not part of the package: losses on features as recipes build them, with weights of the test's choice. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import type { GradientCase, TestInput } from "../autodiff/finite-differences.ts";
import { graphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { float32, type Tensor } from "../graph/tensor.ts";
import type { FeatureLoss, FeaturePair, FeatureScene, LossParts } from "./loss.ts";
import { type Golden, partsIn, type Tensors } from "./losses.fixture.ts";

/** What scripts/golden/losses-maps.py wrote. */
export const torchValues = JSON.parse(readFileSync(new URL("../../test/golden/losses-maps.json", import.meta.url), "utf8")) as Readonly<
  Record<string, Golden>
>;

/** A loss by its definition, with its default numbers and options but for those given. */
export function builtBy<S, O>(
  loss: FeatureLoss<string, S, O>,
  parts: LossParts,
  pairs: readonly FeaturePair[],
  given: { readonly numbers?: object; readonly options?: object } = {},
): Value {
  const numbers = z.object(loss.numbers as z.ZodRawShape).parse(given.numbers ?? {});
  const scene = {
    ...parts,
    pairs,
    numbers: Object.fromEntries(Object.entries(numbers).map(([name, number]) => [name, parts.g.scalar(number as number)])),
    options: z.object(loss.options as z.ZodRawShape).parse(given.options ?? {}),
  };
  return loss.build(scene as unknown as FeatureScene<S, O>);
}

/** A case for `gradientMismatches` of what has weights of its own: these are varied too. */
export function weightedCase(
  name: string,
  inputs: readonly TestInput[],
  built: (parts: LossParts, ...inputs: Value[]) => Value,
  range: readonly [number, number] = [-1, 1],
): GradientCase {
  const weights: TestInput[] = [];
  const g = graphBuilder("weights");
  const collect = partsIn(g, (own, { shape }) => {
    weights.push({ shape, range });
    return g.input(own, "float32", shape);
  });
  built(collect, ...inputs.map(({ shape }, index) => g.input(`x${index}`, "float32", shape)));
  return {
    name,
    inputs: [...inputs, ...weights],
    onlyFloat32: true,
    build: (other, ...values) => {
      const left = values.slice(inputs.length);
      const parts = partsIn(other, () => left.shift() as Value);
      return built(parts, ...values.slice(0, inputs.length));
    },
  };
}

const filled = (value: (index: number) => number, shape: readonly [number, number, number, number] = [2, 3, 4, 4]): Tensor =>
  float32(
    Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, index) => value(index)),
    shape,
  );

/** Extreme but legal maps: every loss and gradient must be finite on them. */
export const extremeMaps: Readonly<Record<string, Tensors>> = {
  "a student's map of zeros": { student: filled(() => 0), teacher: filled((index) => Math.sin(index)) },
  "a teacher's map of zeros": { student: filled((index) => Math.sin(index)), teacher: filled(() => 0) },
  "two maps of zeros": { student: filled(() => 0), teacher: filled(() => 0) },
  "dead channels": {
    student: filled((index) => (Math.floor(index / 16) % 3 === 0 ? 0 : Math.sin(index))),
    teacher: filled((index) => (Math.floor(index / 16) % 3 === 1 ? 0 : Math.cos(index))),
  },
  "constant maps": { student: filled(() => 3), teacher: filled(() => -2) },
  "equal maps": { student: filled((index) => Math.sin(index)), teacher: filled((index) => Math.sin(index)) },
  "large values": { student: filled((index) => 1e4 * Math.sin(index)), teacher: filled((index) => -1e4 * Math.cos(index)) },
  "tiny values": { student: filled((index) => 1e-8 * Math.sin(index)), teacher: filled((index) => 1e-8 * Math.cos(index)) },
  "one sample, one channel, one place": { student: filled(() => 0.5, [1, 1, 1, 1]), teacher: filled(() => -2, [1, 1, 1, 1]) },
};
