import { LimbeckError } from "../../../../errors.ts";
import { intAttribute, stringAttribute } from "../../../attributes.ts";
import type { GraphBuilder } from "../../../builder/builder.ts";
import { formatShape, type Value } from "../../../graph.ts";
import { int64, toNumbers } from "../../../tensor.ts";
import type { Decomposition, DecompositionContext } from "../replace.ts";
import { type Activation, activationsOf } from "./activations.ts";
import type { Cell, State, Step } from "./cell.ts";

/** Longer sequences make graphs that nobody wants to compile. */
const MOST_STEPS = 4096;

/** Writes a recurrent layer out, step by step, in both its layouts and all its directions. */
export const unrolled =
  (cell: Cell): Decomposition =>
  (context) => {
    const { g, node, inputs } = context;
    const isBatchFirst = intAttribute(node, "layout", 0) === 1;
    const swapped = (value: Value): Value => (isBatchFirst ? g.transpose(value, [1, 0, 2]) : value);
    const x = swapped(inputs[0] as Value);
    const steps = stepsOf(x);
    const projected = projections(context, cell, x);
    const real = realSteps(g, steps, inputs[4]);
    const initial = Array.from({ length: cell.states }, (_, which) => inputs[5 + which]).map((state) => state && swapped(state));
    const results = directionsOf(context, cell).map(({ step, isBackward }, direction) => {
      const state = initial.map((states) => states && partsOf(g, states)[direction]);
      return scan(g, step, partsOf(g, projected[direction] as Value), state, isBackward, real);
    });
    const y = g.concat(
      results.map(({ outputs }) => g.unsqueeze(g.concat(outputs, 0), [1])),
      1,
    );
    const last = initial.map((_, which) =>
      g.concat(
        results.map(({ state }) => state[which] as Value),
        0,
      ),
    );
    return [isBatchFirst ? g.transpose(y, [2, 0, 1, 3]) : y, ...last.map(swapped)];
  };

function stepsOf(x: Value): number {
  const [steps] = x.shape;
  if (typeof steps !== "number") {
    throw new LimbeckError(`The layer runs over "${steps}" steps, a number that must be known to unroll it.`, {
      hint: `Bind the sequence length: bindDimensions(graph, { ${steps}: 128 }).`,
    });
  }
  if (steps < 1 || steps > MOST_STEPS) throw new LimbeckError(`A layer of ${steps} steps can't be unrolled: at most ${MOST_STEPS} can.`);
  return steps;
}

/** Sizes [D, G·H, columns] of a layer's weights. */
function sizesOf(weights: Value): [number, number, number] {
  const { shape } = weights;
  if (shape.length === 3 && shape.every((size) => typeof size === "number")) return shape as [number, number, number];
  throw new LimbeckError(`Weights ${formatShape(shape)} are not those of a recurrent layer.`);
}

/** The input's part in every gate of every step, [T, B, G·H] for each direction, by one product for all. */
function projections({ g, node, inputs }: DecompositionContext, cell: Cell, x: Value): readonly Value[] {
  const [, weights, , biases] = inputs as [Value, Value, Value, Value | undefined];
  const [directions, rows, columns] = sizesOf(weights);
  // The bias of the state is the same at every step, so (but where the cell keeps it) it is added here, once.
  const [ofInput, ofState] = biases ? g.split(biases, [rows, rows], 1) : [];
  const bias = ofInput && ofState && (cell.keepsBias(node) ? ofInput : g.add(ofInput, ofState));
  const flat = g.reshape(x, [-1, columns]);
  const product = g.gemm(flat, g.reshape(weights, [directions * rows, columns]), bias && g.reshape(bias, [-1]), { transposeB: true });
  const steps = g.reshape(product, [stepsOf(x), -1, directions * rows]);
  return directions === 1 ? [steps] : g.split(steps, new Array<number>(directions).fill(rows), 2);
}

interface Direction {
  readonly step: Step;
  readonly isBackward: boolean;
}

function directionsOf({ g, node, inputs }: DecompositionContext, cell: Cell): readonly Direction[] {
  const [, , weights, biases, , , , peepholes] = inputs as [Value, Value, Value, ...(Value | undefined)[]];
  const [count, rows, units] = sizesOf(weights);
  const name = stringAttribute(node, "direction", "forward");
  if (count !== (name === "bidirectional" ? 2 : 1) || rows !== cell.gates * units)
    throw new LimbeckError(`Weights ${formatShape(weights.shape)} don't fit the direction "${name}".`);
  const activations = activationsOf(g, node, cell.activations, cell.gateActivations, count);
  const kept = biases && cell.keepsBias(node) ? g.split(biases, [rows, rows], 1)[1] : undefined;
  const [matrices, offsets, holes] = [weights, kept, peepholes].map((value) =>
    value ? partsOf(g, value).map((part) => g.squeeze(part, [0])) : [],
  ) as [Value[], Value[], Value[]];
  return Array.from({ length: count }, (_, index) => ({
    step: cell.step({
      g,
      node,
      units,
      weight: matrices[index] as Value,
      bias: offsets[index],
      peepholes: holes[index],
      activations: activations[index] as readonly Activation[],
    }),
    isBackward: name === "reverse" || index === 1,
  }));
}

/** Parts of size 1 along the first axis. */
function partsOf(g: GraphBuilder, value: Value): Value[] {
  const count = Number(value.shape[0]);
  return count === 1 ? [value] : g.split(value, new Array<number>(count).fill(1), 0);
}

/** For each step, whether it is within each row's length, [1, B, 1]; `undefined` where all are. */
function realSteps(g: GraphBuilder, steps: number, lengths: Value | undefined): readonly Value[] | undefined {
  if (!lengths) return undefined;
  const known = g.constantOf(lengths);
  if (known && toNumbers(known).every((length) => length >= steps)) return undefined;
  const times = g.constant(
    int64(
      Array.from({ length: steps }, (_, time) => time),
      [steps, 1, 1],
    ),
  );
  return partsOf(g, g.less(times, g.unsqueeze(g.cast(lengths, "int64"), [0, 2])));
}

/** Runs a cell over its steps. Where a step is not real the state stays as it is and the output is zero. */
function scan(
  g: GraphBuilder,
  step: Step,
  inputs: readonly Value[],
  initial: State,
  isBackward: boolean,
  real: readonly Value[] | undefined,
): { readonly outputs: readonly Value[]; readonly state: State } {
  const outputs = new Array<Value>(inputs.length);
  const times = [...inputs.keys()];
  let state = initial;
  for (const time of isBackward ? times.reverse() : times) {
    const before = state;
    const next = step(inputs[time] as Value, before);
    const isReal = real?.[time];
    const [h] = next as [Value];
    const zero = g.scalar(0, h.type);
    outputs[time] = isReal ? g.where(isReal, h, zero) : h;
    state = isReal ? next.map((value, which) => g.where(isReal, value, before[which] ?? zero)) : next;
  }
  return { outputs, state };
}
