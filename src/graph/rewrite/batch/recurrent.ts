import { intAttribute } from "../../attributes.ts";
import type { BatchRule } from "./rule.ts";

/** Inputs 1, 2, 3 and 7 are weights; the rest hold the samples, or are the same for all. */
const WEIGHTS = [1, 2, 3, 7];

/** [T, N, I], first states [D, N, H] => [T, D, N, H], last states [D, N, H]; with `layout` 1 the samples come first everywhere. */
const recurrent: BatchRule = (context) => {
  const { node } = context;
  const isFirst = intAttribute(node, "layout", 0) === 1;
  const axisOf = (index: number): number => (isFirst || index === 4 ? 0 : 1);
  const [x] = context.inputs.map((_, index) => context.samples(index));
  context.inputs.forEach((_, index) => {
    const samples = context.samples(index);
    if (samples && (WEIGHTS.includes(index) || samples.axis !== axisOf(index) || samples.outer !== 1 || samples.each !== x?.each))
      throw context.refusal(`its input ${index} holds the batch along another axis`);
  });
  const each = x?.each ?? 1;
  const inputs = node.inputs.map((name, index) =>
    !context.inputs[index] || WEIGHTS.includes(index) || context.samples(index)
      ? name
      : context.repeated(index, { axis: axisOf(index), outer: 1, each }),
  );
  const outputs = node.outputs.map((_, index) => ({ axis: isFirst ? 0 : index === 0 ? 2 : 1, outer: 1, each }));
  return { inputs, outputs };
};

export const recurrentRules: Readonly<Record<string, BatchRule>> = { GRU: recurrent, LSTM: recurrent, RNN: recurrent };
