import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LimbeckError } from "../../errors.ts";
import { randomFor } from "../../random.ts";
import { type GraphBuilder, graphBuilder } from "../builder/builder.ts";
import type { Graph, Value } from "../graph.ts";
import { runGraph } from "../run.fixture.ts";
import { elementCount, type Float32Tensor, float32, type Tensor } from "../tensor.ts";
import { quantizable, quantize } from "./quantize.ts";
import { int8Of, type Range, uint8Of } from "./quantize-tensors.ts";

const random = randomFor(7);
const normal = (...shape: number[]): Float32Tensor => float32(Float32Array.from({ length: elementCount(shape) }, random.normal), shape);

function graphOf(shape: readonly (number | string)[], build: (g: GraphBuilder, x: Value) => Value): Graph {
  const g = graphBuilder("quantised");
  g.output(build(g, g.input("x", "float32", shape)), "y");
  return g.build();
}

const everywhere = (graph: Graph, range: Range) => new Map(quantizable(graph).map((name) => [name, range]));
const numbers = (tensor: Tensor | undefined) => Array.from(tensor?.data as Float32Array);

/** What uint8 makes of a number. */
function rounded(x: number, range: Range): { readonly q: number; readonly zero: number; readonly scale: number } {
  const { scale, zeroPoint } = uint8Of(range);
  const [step, zero] = [Number(scale.data[0]), Number(zeroPoint.data[0])];
  // In float32 and half to even, as the runtime rounds.
  const ratio = Math.fround(x / step);
  const whole = Math.abs(ratio % 1) === 0.5 ? 2 * Math.round(ratio / 2) : Math.round(ratio);
  return { q: Math.max(0, Math.min(255, whole + zero)), zero, scale: step };
}

describe("quantize", () => {
  test("a product with a weight is one of integers, exactly", async () => {
    const [rows, inner, columns] = [4, 6, 3];
    const [w, x, last] = [normal(inner, columns), normal(rows, inner), normal(columns, 2)];
    const graph = graphOf(["N", inner], (g, value) =>
      g.matMul(g.tanh(g.matMul(value, g.initializer("w", w))), g.initializer("last", last)),
    );
    const range = { min: -2, max: 3 };
    const { y } = await runGraph(quantize(graph, everywhere(graph, range)), { x });
    const weight = int8Of(w, 1);
    const expected = Array.from({ length: rows }, (_, row) => {
      const hidden = Array.from({ length: columns }, (_, column) => {
        const held = Array.from({ length: inner }, (_, place) => rounded(x.data[row * inner + place] as number, range));
        const sum = held.reduce(
          (total, { q, zero }, place) => total + (q - zero) * Number(weight.values.data[place * columns + column]),
          0,
        );
        return Math.tanh(sum * (held[0]?.scale ?? 0) * Number(weight.scale.data[column]));
      });
      return [0, 1].map((output) => hidden.reduce((total, value, column) => total + value * (last.data[column * 2 + output] as number), 0));
    }).flat();
    numbers(y).forEach((value, index) => {
      expect(value).toBeCloseTo(expected[index] as number, 5);
    });
  });

  test("a residual block of convolutions stays in 8 bits from the first to the pooling, and near its numbers", async () => {
    const graph = graphOf(["N", 4, 6, 6], (g, x) => {
      const conv = (value: Value, name: string) =>
        g.conv(value, g.initializer(name, normal(4, 4, 3, 3)), g.initializer(`${name}.bias`, normal(4)), { padding: 1 });
      const y = g.relu(conv(x, "first"));
      const sum = g.relu(g.add(conv(y, "second"), y));
      const pooled = g.reshape(g.emit("GlobalAveragePool", [sum])[0] as Value, [-1, 4]);
      return g.matMul(pooled, g.initializer("head", normal(4, 2)));
    });
    const names = quantizable(graph);
    // x, the two ReLUs', the second convolution, the pooling and its new shape but for the head, which gives the output.
    expect(names).toHaveLength(6);
    const x = normal(8, 4, 6, 6);
    const ranges = await rangesOf(graph, names, x);
    const [expected, given] = [numbers((await runGraph(graph, { x })).y), numbers((await runGraph(quantize(graph, ranges), { x })).y)];
    const spread = Math.max(...expected) - Math.min(...expected);
    for (const [index, value] of given.entries()) expect(Math.abs(value - (expected[index] as number))).toBeLessThan(0.05 * spread);
    expect(given).not.toEqual(expected);
  });

  test("leaves what gives outputs, what has no stored weight and who takes no 8 bits alone", () => {
    const graph = graphOf(["N", 3, 3], (g, x) => g.matMul(x, x));
    expect(quantizable(graph)).toEqual([]);
    expect(quantize(graph, new Map()).nodes).toEqual(graph.nodes);
    const single = graphOf(["N", 3], (g, x) => g.matMul(x, g.initializer("w", normal(3, 3))));
    expect(quantizable(single)).toEqual([]);
    const shared = graphOf(["N", 3], (g, x) => {
      const exact = g.exp(x);
      return g.add(g.exp(g.matMul(exact, g.initializer("w", normal(3, 3)))), exact);
    });
    const adds = quantize(shared, everywhere(shared, { min: 0, max: 3 })).nodes.filter(({ op }) => op === "Add");
    expect(adds[0]?.inputs).toContain(shared.nodes[0]?.outputs[0]);
  });

  test("asks for every range, and for finite ones", () => {
    const graph = graphOf(["N", 3], (g, x) => g.exp(g.matMul(x, g.initializer("w", normal(3, 3)))));
    expect(() => quantize(graph, new Map())).toThrow(LimbeckError);
    expect(() => quantize(graph, new Map([["x", { min: 0, max: Number.POSITIVE_INFINITY }]]))).toThrow(/0 to Infinity/);
  });
});

async function rangesOf(graph: Graph, names: readonly string[], x: Tensor): Promise<ReadonlyMap<string, Range>> {
  const outputs = names
    .filter((name) => name !== "x")
    .map((name) => ({ name, type: "float32" as const, shape: [], unstated: "shape" as const }));
  const seen = { ...(await runGraph({ ...graph, outputs }, { x })), x };
  return new Map(
    Object.entries(seen).map(([name, tensor]) => [name, { min: Math.min(...numbers(tensor)), max: Math.max(...numbers(tensor)) }]),
  );
}

describe("numbers in 8 bits", () => {
  /** float32 has no scales to tell such numbers apart. */
  const SMALLEST = 1e-40;
  const number = fc.float({ min: -1000, max: 1000, noNaN: true });

  test("of a range are at most half a step off, and 0 is exact", () => {
    fc.assert(
      fc.property(number, number, fc.double({ min: 0, max: 1, noNaN: true }), (a, b, share) => {
        const range = { min: Math.min(a, b), max: Math.max(a, b) };
        const x = range.min + share * (range.max - range.min);
        const { q, zero, scale } = rounded(x, range);
        // The zero point is rounded too, so that the ends may be half a step short.
        expect(Math.abs((q - zero) * scale - x)).toBeLessThanOrEqual(scale * 1.01 + SMALLEST);
        expect(rounded(0, range).q).toBe(zero);
      }),
    );
  });

  test("of a weight are at most half a step of their channel off", () => {
    fc.assert(
      fc.property(fc.array(number, { minLength: 12, maxLength: 12 }), fc.constantFrom(0, 1, 2), (values, axis) => {
        const weight = float32(values, [2, 3, 2]);
        const { values: q, scale } = int8Of(weight, axis);
        values.forEach((value, index) => {
          const place = [Math.floor(index / 6), Math.floor(index / 2) % 3, index % 2][axis] as number;
          const step = Number(scale.data[place]);
          expect(Math.abs(Number(q.data[index]) * step - Math.fround(value))).toBeLessThanOrEqual(step * 0.5001 + SMALLEST);
        });
      }),
    );
  });
});
