import type { Graph, Value } from "../graph.ts";
import { runGraph } from "../run.fixture.ts";
import { arrayTypeOf, elementCount, type Tensor } from "../tensor.ts";

type Elements = Float32Array;

/**
 * A tensor for an input: no two samples of floats alike; small whole numbers, or 0 and 1 for types; masks that leave a few of the last
 * elements out.
 */
export function feedFor({ name, type, shape }: Value, batch: number): Tensor {
  const sizes = [batch, ...shape.slice(1).map((size) => (typeof size === "number" ? size : 5))];
  const row = elementCount(sizes.slice(1));
  const count = batch * row;
  if (type === "float32")
    return { type, shape: sizes, data: Float32Array.from({ length: count }, (_, index) => Math.sin(1.7 * index + 0.3)) };
  const isMask = name.includes("mask");
  const choices = name.includes("type") ? 2 : 5;
  const element = (index: number) => (isMask ? Number(index % row < row - (Math.floor(index / row) % 3)) : (index * 7) % choices);
  return { type: "int64", shape: sizes, data: BigInt64Array.from({ length: count }, (_, index) => BigInt(element(index))) };
}

/** Samples `from` to `from + count` of a tensor. */
export function samplesOf({ type, shape, data }: Tensor, from: number, count: number, axis = 0): Tensor {
  const [size, block] = [shape[axis] as number, elementCount(shape.slice(axis + 1))];
  const part = new (arrayTypeOf(type as "float32"))(((data.length / size) * count) as number);
  for (let outer = 0; outer * size * block < data.length; outer++) {
    const begin = (outer * size + from) * block;
    part.set((data as Elements).subarray(begin, begin + count * block), outer * count * block);
  }
  return { type, shape: shape.with(axis, count), data: part };
}

/**
 * Runs an opened graph on `times` the batch that another was made for, and that one on each part of it.
 *
 * @returns The largest difference of any output, relative to 1.
 */
export async function differenceByParts(fixed: Graph, open: Graph, times: number): Promise<number> {
  const size = Number(fixed.inputs[0]?.shape[0]);
  const feeds = Object.fromEntries(open.inputs.map((input) => [input.name, feedFor(input, size * times)]));
  const whole = await runGraph(open, feeds);
  let largest = 0;
  for (let part = 0; part < times; part++) {
    const rows = Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, samplesOf(feed, part * size, size)]));
    const results = await runGraph(fixed, rows);
    for (const { name, shape } of open.outputs) {
      const axis = shape.findIndex((dim) => String(dim).includes("N"));
      const expected = results[name] as Tensor;
      const actual = samplesOf(whole[name] as Tensor, part * (expected.shape[axis] as number), expected.shape[axis] as number, axis);
      if (actual.shape.join() !== expected.shape.join()) return Number.POSITIVE_INFINITY;
      (expected.data as Elements).forEach((element, index) => {
        const other = Number((actual.data as Elements)[index]);
        const difference = Math.abs(Number(element) - other) / Math.max(1, Math.abs(Number(element)));
        largest = Math.max(largest, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
      });
    }
  }
  return largest;
}
