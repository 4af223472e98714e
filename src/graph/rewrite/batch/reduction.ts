import { intAttribute, intsAttribute } from "../../attributes.ts";
import { reducedAxes } from "../../shapes/reduction.ts";
import { constantNumbers, normalizeAxis, required } from "../../shapes/rule.ts";
import { allOutputs, type BatchContext, type BatchRule, ofFirstInput } from "./rule.ts";

const rankOf = (context: BatchContext): number => required(context, 0).shape.length;

/** Whatever happens along these axes, it must not happen along that of the samples. */
function apart(context: BatchContext, axes: readonly number[]) {
  const samples = ofFirstInput(context);
  if (axes.includes(samples.axis)) throw context.refusal("it works along the axis of the samples");
  return samples;
}

/** Works along some axes, and keeps the shape. */
const along =
  (axesOf: (context: BatchContext) => readonly number[]): BatchRule =>
  (context) =>
    allOutputs(context, apart(context, axesOf(context)));

const knownReducedAxes = (context: BatchContext): readonly number[] => {
  const axes = reducedAxes(context);
  if (!axes) throw context.refusal("its axes are not known");
  return axes;
};

/** Works along some axes, and drops them unless `keepdims` says otherwise. */
const reducing =
  (axesOf: (context: BatchContext) => readonly number[]): BatchRule =>
  (context) => {
    const axes = axesOf(context);
    const samples = apart(context, axes);
    const dropped = intAttribute(context.node, "keepdims", 1) ? 0 : axes.filter((axis) => axis < samples.axis).length;
    return allOutputs(context, { ...samples, axis: samples.axis - dropped });
  };

const axisAttribute = (fallback: number) => (context: BatchContext) => [
  normalizeAxis(context, intAttribute(context.node, "axis", fallback), rankOf(context)),
];

const axisInput = (context: BatchContext) =>
  (constantNumbers(context, 1) ?? []).map((axis) => normalizeAxis(context, axis, rankOf(context)));

/** From `axis` to the last. */
const remainingAxes = (context: BatchContext) => {
  const [first = 0] = axisAttribute(-1)(context);
  return Array.from({ length: rankOf(context) - first }, (_, index) => first + index);
};

const listedAxes = (context: BatchContext) =>
  (intsAttribute(context.node, "axes") ?? [0, 2, 3]).map((axis) => normalizeAxis(context, axis, rankOf(context)));

const matrixAxes = (context: BatchContext) => [rankOf(context) - 2, rankOf(context) - 1];

const reductions = ["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp"];

export const reductionRules: Readonly<Record<string, BatchRule>> = {
  ...Object.fromEntries(reductions.map((name) => [`Reduce${name}`, reducing(knownReducedAxes)])),
  ArgMax: reducing(axisAttribute(0)),
  ArgMin: reducing(axisAttribute(0)),
  CumSum: along(axisInput),
  Hardmax: along(axisAttribute(-1)),
  LayerNormalization: along(remainingAxes),
  LogSoftmax: along(axisAttribute(-1)),
  LpNormalization: along(axisAttribute(-1)),
  MeanVarianceNormalization: along(listedAxes),
  RMSNormalization: along(remainingAxes),
  Softmax: along(axisAttribute(-1)),
  TopK: along(axisAttribute(-1)),
  Trilu: along(matrixAxes),
};
