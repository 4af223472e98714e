import { backpropagate } from "../../autodiff/gradient.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import { forSpeed } from "../../graph/rewrite/for-speed.ts";
import { pruneDead } from "../../graph/rewrite/prune.ts";
import { float32 } from "../../graph/tensor.ts";
import type { Feeds, Runtime, SessionOptions } from "../../runtime/runtime.ts";
import { emitObjective, type StepOptions, scalarInput } from "../step.ts";
import type { State } from "../trainer.ts";

/** A graph that takes what the step takes and gives the inner products of its terms' gradients. */
export interface CompiledProducts {
  readonly graph: Graph;
  /** Of the rows and columns of what it gives. */
  readonly terms: readonly string[];
}

/**
 * The inner products ⟨gᵢ, gⱼ⟩ of the gradients of the terms of an objective, each at a weight of 1, to the student's trained parameters,
 * all of them together.
 */
export interface GradientProducts {
  readonly terms: readonly string[];
  /** [K, K], row-major. */
  readonly products: Float32Array;
}

export interface GradientMeter {
  /**
   * Measures on one batch, and changes nothing.
   *
   * @param batch What the step takes of it.
   * @param scalars What the step is fed; weights count as 1.
   * @param length Tokens of each sample, where they are texts.
   */
  measure(batch: Feeds, scalars: Readonly<Record<string, number>>, state: State, length?: number): Promise<GradientProducts>;
  release(): Promise<void>;
}

const PRODUCTS = "products";
/** Name of the scalar that is the weight of a term. */
export const weightOf = (term: string): string => `weight:${term}`;

/** @param options Those of the step that it is to measure. */
export function compileProducts(options: StepOptions): CompiledProducts {
  const { builder, weighted, trained, terms } = emitObjective(options);
  const { g } = builder;
  const gradients = weighted.map((term) => backpropagate(g, term, trained));
  const places = [...trained.keys()];
  const isVector = (place: number) => trained[place]?.shape.length === 1;
  // Vectors are many and small: they are taken together.
  const groups = [...places.filter((place) => !isVector(place)).map((place) => [place]), places.filter(isVector)];
  const together = (ofTerm: readonly Value[], group: readonly number[]) => {
    const rows = group.map((place) => g.reshape(ofTerm[place] as Value, [1, -1]));
    return g.concat(rows, 1);
  };
  const products = groups.flatMap((group) => {
    if (group.length === 0) return [];
    const matrix = g.concat(
      gradients.map((ofTerm) => together(ofTerm, group)),
      0,
    );
    return [g.gemm(matrix, matrix, undefined, { transposeB: true })];
  });
  g.output(g.sum(...products), PRODUCTS);
  const graph = g.build();
  // Of what the losses change for the next step, nothing is wanted here.
  return {
    graph: forSpeed(pruneDead({ ...graph, outputs: graph.outputs.filter(({ name }) => name === PRODUCTS) })),
    terms: Object.keys(terms),
  };
}

export async function createGradientMeter(
  runtime: Runtime,
  { graph, terms }: CompiledProducts,
  options?: SessionOptions,
): Promise<GradientMeter> {
  const session = await runtime.createStatefulSession(graph, [], options);
  const ones = Object.fromEntries(terms.map((term) => [weightOf(term), 1]));
  return {
    measure: async (batch, scalars, state) => {
      const fed = Object.entries({ ...scalars, ...ones }).map(([name, value]) => [scalarInput(name), float32([value], [])] as const);
      const all: Feeds = { ...Object.fromEntries(state), ...batch, ...Object.fromEntries(fed) };
      const products = float32(new Float32Array(terms.length ** 2), [terms.length, terms.length]);
      await session.run(Object.fromEntries(graph.inputs.map(({ name }) => [name, all[name]])) as Feeds, { [PRODUCTS]: products });
      return { terms, products: products.data };
    },
    release: () => session.release(),
  };
}

/** A meter for texts: one for each of their lengths, which is opened when it is first asked. */
export function meterByLength(open: (length: number | undefined) => Promise<GradientMeter>): GradientMeter {
  const opened = new Map<number | undefined, Promise<GradientMeter>>();
  return {
    measure: async (batch, scalars, state, length) => {
      const meter = opened.get(length) ?? open(length);
      opened.set(length, meter);
      return (await meter).measure(batch, scalars, state);
    },
    release: async () => {
      for (const meter of opened.values()) await (await meter).release();
    },
  };
}

/** ‖gᵢ‖ of each term at a weight of 1. */
export function normsOf({ terms, products }: GradientProducts): Readonly<Record<string, number>> {
  return Object.fromEntries(terms.map((term, row) => [term, Math.sqrt(Math.max(0, products[row * (terms.length + 1)] as number))]));
}

/**
 * The share of the whole gradient g = Σ wᵢ·gᵢ that each term contributes: ⟨wᵢ·gᵢ, g⟩ / ⟨g, g⟩. They sum to 1; below 0 is a term that works
 * against the others together.
 *
 * @returns Nothing where the gradients are zero, cancel out or are not finite.
 */
export function sharesOf(
  { terms, products }: GradientProducts,
  weights: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> | undefined {
  const along = terms.map((term, row) => {
    const withAll = terms.map((other, column) => (products[row * terms.length + column] as number) * (weights[other] as number));
    return (weights[term] as number) * sum(withAll);
  });
  const whole = sum(along);
  if (!(whole > 0 && Number.isFinite(whole))) return undefined;
  return Object.fromEntries(terms.map((term, row) => [term, (along[row] as number) / whole]));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
