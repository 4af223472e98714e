import type { LimbeckError } from "../../../errors.ts";
import type { Attributes, Dim } from "../../graph.ts";
import { required, type ShapeContext } from "../../shapes/rule.ts";
import type { Tensor } from "../../tensor.ts";

/**
 * Where a value holds the samples of the batch: along one axis, which consists of `outer` blocks with `each` elements of the first sample,
 * then `each` of the second, and so on. Both are 1 unless axes were merged.
 */
export interface Samples {
  readonly axis: number;
  readonly outer: Dim;
  readonly each: Dim;
}

/** Whether two axes hold their samples in the same way. */
export const alike = (a: Samples, b: Samples): boolean => a.outer === b.outer && a.each === b.each;

/** What a rule sees of its node. Shapes are those of the fixed batch. */
export interface BatchContext extends ShapeContext {
  /** The number of samples that the graph was exported for. */
  readonly size: number;
  /** `undefined` where the input is the same for all samples. */
  samples(index: number): Samples | undefined;
  /**
   * The name of an input that is the same for all samples, repeated for each.
   *
   * @throws LimbeckError when it holds something else for each sample of the fixed batch, or is not of its size.
   */
  repeated(index: number, samples: Samples): string;
  /** Stores a constant. Returns its name. */
  store(name: string, tensor: Tensor): string;
  /** Puts a node before this one. Returns the name of its only output. */
  emit(op: string, inputs: readonly string[], attributes?: Attributes): string;
  isUsed(output: number): boolean;
  refusal(why: string): LimbeckError;
}

/** A node for any batch. */
export interface BatchForm {
  /** Of each output; `undefined` where it is the same for all samples. */
  readonly outputs: readonly (Samples | undefined)[];
  /** These three where they change. */
  readonly op?: string;
  readonly inputs?: readonly string[];
  readonly attributes?: Attributes;
}

/**
 * Makes a node of which some input holds samples do for any number of them what it did for the fixed one, to each sample alone.
 *
 * @throws LimbeckError where it mixes samples, or can't be made to.
 */
export type BatchRule = (context: BatchContext) => BatchForm;

/** Every output holds its samples in the same place. */
export function allOutputs({ node }: BatchContext, samples: Samples, changes: Omit<BatchForm, "outputs"> = {}): BatchForm {
  return { outputs: node.outputs.map(() => samples), ...changes };
}

/** The samples of the first input, where no other holds any. */
export function ofFirstInput(context: BatchContext): Samples {
  const [first, ...others] = context.inputs.map((_, index) => context.samples(index));
  if (!first || others.some((other) => other !== undefined)) throw context.refusal("more than its first input depends on the batch");
  return first;
}

/**
 * The inputs of an operator that broadcasts them, all with their samples as many axes from the end, or the same for all of them.
 *
 * @param indices The inputs that broadcast; all unless given.
 */
export function broadcastSamples(
  context: BatchContext,
  indices: readonly number[] = context.inputs.map((_, index) => index),
): { readonly inputs: readonly string[]; readonly fromEnd: number; readonly samples: Samples } {
  const places = indices.flatMap((index) => {
    const samples = context.samples(index);
    return samples ? [{ fromEnd: required(context, index).shape.length - samples.axis, samples }] : [];
  });
  const [place, ...others] = places;
  if (!place || others.some(({ fromEnd, samples }) => fromEnd !== place.fromEnd || !alike(samples, place.samples)))
    throw context.refusal("its inputs hold the batch along different axes");
  const inputs = context.node.inputs.map((name, index) => {
    const input = context.inputs[index];
    if (!input || !indices.includes(index) || context.samples(index)) return name;
    const axis = input.shape.length - place.fromEnd;
    return axis < 0 || input.shape[axis] === 1 ? name : context.repeated(index, { ...place.samples, axis });
  });
  return { inputs, ...place };
}

/** Inputs that must not broadcast: each with its samples along the same axis. */
export function alignedSamples(context: BatchContext): { readonly inputs: readonly string[]; readonly samples: Samples } {
  const held = context.inputs.flatMap((_, index) => context.samples(index) ?? []);
  const [samples, ...others] = held;
  if (!samples || others.some((other) => other.axis !== samples.axis || !alike(other, samples)))
    throw context.refusal("its inputs hold the batch along different axes");
  const inputs = context.node.inputs.map((name, index) =>
    !context.inputs[index] || context.samples(index) ? name : context.repeated(index, samples),
  );
  return { inputs, samples };
}
