import { LimbeckError } from "../errors.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import { formatShape, type Value } from "../graph/graph.ts";
import type { ElementType } from "../graph/tensor.ts";
import { dense } from "../nn/torch-layers.ts";
import type { LossParts } from "./loss.ts";

// What losses on vectors share: their lengths, their distances, and what they need of a batch.

/** @throws LimbeckError when a loss that compares samples with each other gets no vectors [B, D], or the vectors of one sample. */
export function requireVectors(loss: string, ...values: readonly Value[]): void {
  for (const { name, shape } of values) {
    if (shape.length !== 2)
      throw new LimbeckError(`${loss} is taken of vectors [batch, features], but "${name}" is ${formatShape(shape)}.`);
    if (Number(shape[0]) < 2) {
      throw new LimbeckError(`${loss} compares the samples of a batch with each other, and there is only one.`, {
        hint: "Give a batch size of 2 or more.",
      });
    }
  }
}

/** @throws LimbeckError when a loss on tokens gets anything but [batch, tokens, features]. */
export function requireTokens(loss: string, ...values: readonly Value[]): void {
  for (const { name, shape } of values) {
    if (shape.length === 3) continue;
    throw new LimbeckError(`${loss} is taken of tokens [batch, tokens, features], but "${name}" is ${formatShape(shape)}.`);
  }
}

/** Squared lengths up to this are 0. */
const NOTHING = 1e-24;

/** x over its length along the last axis; a vector of zeros stays one, and has no gradient. */
export function unitVectors(g: GraphBuilder, x: Value): Value {
  const squares = g.reduceSumSquare(x, { axes: [x.shape.length - 1], keepDims: true });
  return g.mul(x, inverseRoot(g, squares, NOTHING));
}

/** 1/√x, and 0 without a gradient where x is no greater than `least`. */
export function inverseRoot(g: GraphBuilder, x: Value, least: number | Value): Value {
  return g.div(g.cast(g.greater(x, least), x.type), g.sqrt(g.max(x, NOTHING)));
}

/** Cosines of the angles between vectors along the last axis, [..., D] each: [...]. */
export function cosines(g: GraphBuilder, a: Value, b: Value): Value {
  return g.reduceSum(g.mul(unitVectors(g, a), unitVectors(g, b)), { axes: [a.shape.length - 1] });
}

/** Products of each row of a [A, D] with each of b [B, D]: [A, B]. */
export function products(g: GraphBuilder, a: Value, b: Value): Value {
  return g.gemm(a, b, undefined, { transposeB: true });
}

export interface Distances {
  /** Squared distances [B, B], exactly 0 on the diagonal. */
  readonly squared: Value;
  /** |x_i|² + |x_j|² of the centred vectors [B, B]: what rounding errors of `squared` are relative to. */
  readonly scale: Value;
  /** 0 on the diagonal, 1 elsewhere [B, B]. */
  readonly others: Value;
}

/**
 * Euclidean distances between the rows of x [B, D], by their products: no B²·D differences. The rows are centred first, which moves no
 * distance, and keeps what is subtracted small.
 */
export function squaredDistances(g: GraphBuilder, x: Value): Distances {
  const count = Number(x.shape[0]);
  const centred = g.sub(x, g.reduceMean(x, { axes: [0], keepDims: true }));
  const squares = g.reduceSumSquare(centred, { axes: [1], keepDims: true });
  const scale = g.add(squares, g.reshape(squares, [1, count]));
  const squared = g.relu(g.sub(scale, g.mul(products(g, centred, centred), 2)));
  const others = g.sub(1, identityMatrix(g, count, x.type));
  return { squared: g.mul(squared, others), scale, others };
}

/** [size, size] */
export function identityMatrix(g: GraphBuilder, size: number, type: ElementType): Value {
  const numbers = Array.from({ length: size }, (_, index) => index);
  const [across, down] = [
    [1, size],
    [size, 1],
  ].map((shape) => g.constant({ type: "int32", shape, data: Int32Array.from(numbers) }));
  return g.cast(g.equal(across as Value, down as Value), type);
}

/** A linear layer of the loss's own, trained with the student: [B, D] to [B, width]. */
export function linearEmbedding({ module }: LossParts, name: string, x: Value, width: number): Value {
  return module(name, [x], (network, input) => dense(network, "linear", input, width));
}
