import { LimbeckError } from "../errors.ts";
import { type GraphBuilder, graphBuilder } from "../graph/builder/builder.ts";
import { inlineGraph } from "../graph/builder/inline.ts";
import { describeNode, formatShape, type Graph, type Node, type Value } from "../graph/graph.ts";
import { pruneDead } from "../graph/rewrite/prune.ts";
import { addUp, type Contribution } from "./accumulate.ts";
import { type Composite, type CompositeRule, compositesOf } from "./composite.ts";
import { sizesOf } from "./rule.ts";
import { gradientRules } from "./rules/rules.ts";

/**
 * A graph with one more output for each name in `wrt`: `gradient:NAME`, the derivative of the loss with respect to that value.
 *
 * @param loss Name of a scalar float value of the graph.
 * @param wrt Names of inputs, initialisers or inner values.
 * @throws LimbeckError when an operator between a name in `wrt` and the loss has no gradient rule.
 */
export function gradient(graph: Graph, loss: string, wrt: readonly string[]): Graph {
  const g = graphBuilder(graph.name);
  const bind = new Map(graph.inputs.map((input) => [input.name, g.input(input.name, input.type, input.shape)]));
  const values = inlineGraph(g, graph, { bind });
  for (const output of graph.outputs) g.output(values.get(output.name) as Value, output.name);
  const gradients = backpropagate(
    g,
    g.value(loss),
    wrt.map((name) => g.value(name)),
  );
  wrt.forEach((name, index) => g.output(gradients[index] as Value, `gradient:${name}`));
  return pruneDead(g.build());
}

/**
 * Emits the derivative of `loss` with respect to each of `wrt` into the builder that holds them (reverse-mode differentiation).
 *
 * @param loss A scalar float value.
 * @param factor A scalar that every gradient is multiplied by.
 * @returns Values of the same shapes as `wrt`; zeros where the loss does not depend on one.
 */
export function backpropagate(g: GraphBuilder, loss: Value, wrt: readonly Value[], factor?: Value): Value[] {
  if (loss.shape.length > 0) throw new LimbeckError(`A loss must be a scalar; "${loss.name}" has shape ${formatShape(loss.shape)}.`);
  const { path, carriers } = flowBetween(g, wrt, loss);
  // Contributions from each consumer, added up when the producer's turn comes.
  const contributions = new Map<string, Contribution[]>([[loss.name, [factor ?? g.scalar(1, loss.type)]]]);
  const total = (value: Value): Value | undefined => {
    const terms = contributions.get(value.name);
    if (!terms) return undefined;
    const sum = addUp(g, value, terms);
    contributions.set(value.name, [sum]);
    return sum;
  };
  return g.scope("gradient", () => {
    for (const step of path.toReversed()) {
      const grads = step.outputs.map((output) => output && total(output));
      if (grads.every((grad) => grad === undefined)) continue;
      const derivatives = step.differentiate(grads);
      derivatives.forEach((derivative, index) => {
        const input = step.inputs[index];
        if (!input || !derivative || !carriers.has(input.name)) return;
        checkShape(step.name, input, derivative);
        const terms = contributions.get(input.name);
        if (terms) terms.push(derivative);
        else contributions.set(input.name, [derivative]);
      });
    }
    return wrt.map((value) => total(value) ?? (zerosLike(g, value) as Value));
  });
}

/** What backpropagation goes through at once: a node, or a composite of several. */
interface Step {
  readonly name: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly (Value | undefined)[];
  /** Whether a gradient can flow through an output. */
  readonly carries: (output: Value) => boolean;
  readonly differentiate: CompositeRule;
}

/** All that the builder holds, in order. */
function stepsOf(g: GraphBuilder): Step[] {
  const owners = new Map(compositesOf(g).flatMap((one) => Array.from(one.nodes, (node) => [node, one] as const)));
  const seen = new Set<Composite>();
  const quantized = new Set<string>();
  return g.nodes.flatMap((node) => {
    const owner = owners.get(node);
    if (!owner) return [nodeStep(g, node, quantized)];
    if (seen.has(owner)) return [];
    seen.add(owner);
    return [{ ...owner, name: describeNode(node), carries: isFloat, differentiate: owner.rule }];
  });
}

function nodeStep(g: GraphBuilder, node: Node, quantized: Set<string>): Step {
  const [inputs, outputs] = [valuesOf(g, node.inputs), valuesOf(g, node.outputs)];
  return {
    name: describeNode(node),
    inputs,
    outputs,
    carries: (output) => {
      if (isQuantized(g, node, output, quantized)) quantized.add(output.name);
      return isFloat(output) || quantized.has(output.name);
    },
    differentiate: (grads) =>
      ruleFor(
        g,
        node,
      )({
        g,
        node,
        inputs: inputs as readonly Value[],
        outputs: outputs as readonly Value[],
        grads: grads.map((grad, index) => grad ?? zerosLike(g, outputs[index])) as readonly Value[],
      }),
  };
}

/** A rule that gives another shape than the input's is wrong. */
function checkShape(step: string, input: Value, derivative: Contribution): void {
  const [given, expected] =
    "stretch" in derivative
      ? [derivative.stretch.shape, input.shape.with(derivative.axis, derivative.stretch.shape[derivative.axis] as number)]
      : [derivative.shape, input.shape];
  if (given.join() !== expected.join()) {
    throw new Error(`The gradient rule of ${step} gives ${formatShape(given)} for an input of ${formatShape(input.shape)}.`);
  }
}

/** The steps on a path from one of `sources` to `target` along which a gradient can flow, in order, and the names of the values on it. */
function flowBetween(
  g: GraphBuilder,
  sources: readonly Value[],
  target: Value,
): { readonly path: readonly Step[]; readonly carriers: ReadonlySet<string> } {
  const carriers = new Set(sources.map(({ name }) => name));
  const forward = stepsOf(g).filter(({ inputs, outputs, carries }) => {
    if (!inputs.some((input) => input && carriers.has(input.name))) return false;
    const carrying = outputs.filter((value): value is Value => value !== undefined && carries(value));
    for (const { name } of carrying) carriers.add(name);
    return carrying.length > 0;
  });
  const needed = new Set([target.name]);
  const path: Step[] = [];
  for (const step of forward.toReversed()) {
    if (!step.outputs.some((output) => output && needed.has(output.name))) continue;
    path.push(step);
    for (const input of step.inputs) if (input && carriers.has(input.name)) needed.add(input.name);
  }
  return { path: path.reverse(), carriers };
}

/**
 * Integers carry no gradient, but those that QuantizeLinear makes and what only moves or clips them: theirs is that of the real numbers
 * that they stand for, up to the DequantizeLinear that gives these.
 */
function isQuantized(g: GraphBuilder, node: Node, output: Value, quantized: ReadonlySet<string>): boolean {
  if (node.op === "QuantizeLinear") return true;
  const data = node.inputs[0] as string;
  return quantized.has(data) && output.type === g.value(data).type;
}

function valuesOf(g: GraphBuilder, names: readonly string[]): (Value | undefined)[] {
  return names.map((name) => (name === "" ? undefined : g.value(name)));
}

function isFloat({ type }: Value): boolean {
  return type === "float32" || type === "float64" || type === "float16" || type === "bfloat16";
}

function ruleFor(g: GraphBuilder, node: Node) {
  const rule = gradientRules[node.domain ? `${node.domain}:${node.op}` : node.op];
  if (!rule) {
    throw new LimbeckError(
      `No gradient rule for ${describeNode(node)} (opset ${g.opsetOf(node.domain)}), which lies between a parameter and the loss.`,
      {
        hint: "Freeze the parameters before this node, or replace the operator.",
      },
    );
  }
  return rule;
}

/** Zeros for an output that the loss does not depend on; nothing for integers, which have no gradient. */
function zerosLike(g: GraphBuilder, value: Value | undefined): Value | undefined {
  return value && isFloat(value) ? g.expand(g.scalar(0, value.type), sizesOf(value)) : undefined;
}
