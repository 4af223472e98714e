import { string } from "../attributes.ts";
import type { Value } from "../graph.ts";
import type { GraphBuilder } from "./builder.ts";

/*
 * Random numbers as a pure function of a seed, in plain ONNX operators. ONNX's own Dropout and RandomUniform keep a generator inside the
 * session, which moves on with every run, so a run that is resumed would not repeat what it would have drawn.
 *
 * Element i is lowbias32(a·i + b) for two words a (odd) and b drawn from the seed and the salt; lowbias32 is Chris Wellons's 32-bit integer
 * hash (https://nullprogram.com/blog/2018/07/31/, public domain), a bijection whose output bits each depend on all input bits.
 */

/**
 * Uniform noise in [0, 1), float32, in steps of 2⁻²⁴.
 *
 * @param seed A scalar of an integer type or of whole float32 numbers below 2²⁴: the same seed gives the same noise, on every device and in
 * every session.
 * @param salt Tells apart the uses of one seed within a graph.
 */
export function seededUniform(g: GraphBuilder, seed: Value, shape: readonly number[], salt: number): Value {
  const bits = shifted(g, lowbias32(g, keyedCounters(g, seed, shape, salt)), 8);
  return g.reshape(g.mul(g.cast(bits, "float32"), 2 ** -24), shape);
}

/**
 * What to multiply by for dropout (Srivastava et al., 2014): 0 with probability `ratio`, 1/(1 - ratio) otherwise, float32.
 *
 * @param seed As in `seededUniform`.
 * @param salt Tells apart the layers of a graph.
 */
export function dropoutMask(g: GraphBuilder, seed: Value, shape: readonly number[], ratio: number, salt: number): Value {
  const kept = g.greaterOrEqual(lowbias32(g, keyedCounters(g, seed, shape, salt)), word(g, Math.round(ratio * 2 ** 32)));
  return g.reshape(g.mul(g.cast(kept, "float32"), 1 / (1 - ratio)), shape);
}

/** a·i + b for each element i, modulo 2³², as [rows, columns] so that no list of all elements need be stored. */
function keyedCounters(g: GraphBuilder, seed: Value, shape: readonly number[], salt: number): Value {
  const columns = shape.at(-1) ?? 1;
  const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  // The golden ratio's word keeps nearby salts apart before they are hashed.
  const base = g.add(g.cast(g.reshape(seed, [1]), "uint32"), word(g, Math.imul(salt, 0x9e3779b9)));
  const key = lowbias32(g, base);
  const factor = g.add(g.mul(lowbias32(g, g.add(key, word(g, 0x85ebca6b))), word(g, 2)), word(g, 1));
  const count = (length: number, step: number, columnar: boolean): Value =>
    g.constant({
      type: "uint32",
      shape: columnar ? [length, 1] : [1, length],
      data: Uint32Array.from({ length }, (_, index) => index * step),
    });
  return g.add(g.mul(count(rows, columns, true), factor), g.add(g.mul(count(columns, 1, false), factor), key));
}

function lowbias32(g: GraphBuilder, x: Value): Value {
  const first = g.mul(foldedBy(g, x, 16), word(g, 0x7feb352d));
  return foldedBy(g, g.mul(foldedBy(g, first, 15), word(g, 0x846ca68b)), 16);
}

const foldedBy = (g: GraphBuilder, x: Value, bits: number): Value => g.emit("BitwiseXor", [x, shifted(g, x, bits)])[0] as Value;

const shifted = (g: GraphBuilder, x: Value, bits: number): Value =>
  g.emit("BitShift", [x, word(g, bits)], { attributes: { direction: string("RIGHT") } })[0] as Value;

const word = (g: GraphBuilder, number: number): Value => g.constant({ type: "uint32", shape: [1], data: Uint32Array.of(number) });
