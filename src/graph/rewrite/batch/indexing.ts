import { int, intAttribute } from "../../attributes.ts";
import type { Dim, Shape } from "../../graph.ts";
import { normalizeAxis, required } from "../../shapes/rule.ts";
import { int64 } from "../../tensor.ts";
import { alignedSamples, allOutputs, type BatchContext, type BatchForm, type BatchRule, ofFirstInput, type Samples } from "./rule.ts";

/** From the same rows for all samples by each sample's indices, or from each sample by the same indices. */
const gather: BatchRule = (context) => {
  const [data, indices] = [context.samples(0), context.samples(1)];
  const axis = normalizeAxis(context, intAttribute(context.node, "axis", 0), required(context, 0).shape.length);
  if (data?.axis === axis) return gatherWithin(context, data);
  if (data && indices) throw context.refusal("both what it takes from and where depend on the batch");
  if (indices) return allOutputs(context, { ...indices, axis: axis + indices.axis });
  const samples = ofFirstInput(context);
  const added = samples.axis > axis ? required(context, 1).shape.length - 1 : 0;
  return allOutputs(context, { ...samples, axis: samples.axis + added });
};

/** From the one sample of a batch of 1, whatever the indices are: so each sample of a batch picks from itself. */
function gatherWithin(context: BatchContext, { axis, outer, each }: Samples): BatchForm {
  const indices = context.samples(1);
  const isFirst = axis === 0 && outer === 1;
  if (context.size !== 1 || !isFirst || (indices && (indices.axis !== 0 || indices.outer !== 1))) throw context.refusal("it picks samples");
  const [count, ...others] = required(context, 1).shape;
  const rest = required(context, 0).shape.slice(1);
  if (count === undefined) throw context.refusal("it drops the axis of the samples");
  if (![count, each, ...others, ...rest].every((size) => typeof size === "number"))
    throw context.refusal("more than its batch is left open");
  const reshaped = (name: string, sizes: Shape) =>
    context.emit("Reshape", [name, context.store("shape", int64([-1, ...sizes.map(Number)]))]);
  const [data = "", wanted = ""] = context.node.inputs;
  const apart = reshaped(data, [each, ...rest]);
  const picked = indices
    ? context.emit("GatherND", [apart, reshaped(wanted, [count, ...others, 1])], { batch_dims: int(1) })
    : context.emit("Gather", [apart, wanted], { axis: int(1) });
  const inputs = [picked, context.store("merged", int64([-1, ...[...others, ...rest].map(Number)]))];
  return { op: "Reshape", inputs, attributes: {}, outputs: [{ axis: 0, outer: 1, each: count }] };
}

/** Data of [d₀, d₁, ...] by indices [..., k] into its first k axes. */
const gatherND: BatchRule = (context) => {
  const [data, indices] = [context.samples(0), context.samples(1)];
  const { shape } = required(context, 1);
  const [last, count] = [shape.length - 1, shape.at(-1) as Dim];
  if (intAttribute(context.node, "batch_dims", 0)) throw context.refusal("it has batch axes of its own");
  if (indices?.axis === last || typeof count !== "number") throw context.refusal("its indices have no known length");
  if (!data) return allOutputs(context, indices as Samples);
  if (!indices && data.axis >= count) return allOutputs(context, { ...data, axis: last + data.axis - count });
  // Into the axis of the samples, of which there was one: each sample picks from itself, and that index has no further use.
  const isWhole = (samples: Samples) => samples.axis === 0 && samples.outer === 1 && samples.each === 1;
  if (context.size !== 1 || count < 2 || last < 1 || !isWhole(data) || (indices ? !isWhole(indices) : shape[0] !== 1))
    throw context.refusal("it picks samples");
  const [x = "", own = ""] = context.node.inputs;
  const all = indices ? own : context.repeated(1, data);
  const bounds = [1, count, last].map((number, index) => context.store(["start", "end", "axis"][index] as string, int64([number])));
  const attributes = { ...context.node.attributes, batch_dims: int(1) };
  return allOutputs(context, data, { inputs: [x, context.emit("Slice", [all, ...bounds])], attributes });
};

/** Data, indices and, in scattering, updates all have the samples along one axis, and work along another. */
const elementsAlongAxis: BatchRule = (context) => {
  const { inputs, samples } = alignedSamples(context);
  const axis = normalizeAxis(context, intAttribute(context.node, "axis", 0), required(context, 0).shape.length);
  if (axis === samples.axis) throw context.refusal("it works along the axis of the samples");
  return allOutputs(context, samples, { inputs });
};

const oneHot: BatchRule = (context) => {
  const samples = ofFirstInput(context);
  const axis = normalizeAxis(context, intAttribute(context.node, "axis", -1), required(context, 0).shape.length + 1);
  return allOutputs(context, { ...samples, axis: samples.axis < axis ? samples.axis : samples.axis + 1 });
};

export const indexingRules: Readonly<Record<string, BatchRule>> = {
  Gather: gather,
  GatherElements: elementsAlongAxis,
  GatherND: gatherND,
  OneHot: oneHot,
  ScatterElements: elementsAlongAxis,
};
