import { describe, expect, it } from "vitest";
import { gradientMismatches } from "../autodiff/finite-differences.ts";
import { explain, type LimbeckError } from "../errors.ts";
import { type GraphBuilder, graphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { runGraph } from "../graph/run.fixture.ts";
import { elementCount, float32, type Tensor } from "../graph/tensor.ts";
import type { FeaturePair, Fit } from "../losses/loss.ts";
import { goldenTensors, partsIn } from "../losses/losses.fixture.ts";
import { weightedCase } from "../losses/maps.fixture.ts";
import { hashedWeight } from "../nn/hashed-weights.fixture.ts";
import { nodeRuntime } from "../runtime/node.ts";
import { fitPair } from "./adapters.ts";

const anything: Fit = { form: "any", channels: "any", space: "any" };
const same = (form: Fit["form"]): Fit => ({ form, channels: "same", space: "same" });

const wave = (shape: readonly number[], phase = 0): Tensor =>
  float32(
    Array.from({ length: elementCount(shape) }, (_, index) => Math.sin(0.37 * index + phase)),
    shape,
  );

type Shapes = readonly [student: readonly number[], teacher: readonly number[]];

/** `2×3×4×4 2×6`: the shapes of student and teacher. */
const sizes = (text: string): Shapes => text.split(" ").map((shape) => shape.split("×").map(Number)) as unknown as Shapes;

const pairIn = (g: GraphBuilder, [student, teacher]: Shapes): FeaturePair => ({
  student: g.input("student", "float32", student),
  teacher: g.input("teacher", "float32", teacher),
});

/** The shapes of a fitted pair, the operators that this took, and the parts that are trained. */
function fitted(shapes: Shapes, fit: Fit) {
  const g = graphBuilder("pair");
  const trained: string[] = [];
  const parts = partsIn(g, (name, initial) => {
    trained.push(name);
    return g.store(name, initial);
  });
  const { student, teacher } = fitPair(parts, "adapter", pairIn(g, shapes), fit);
  return { shapes: [student.shape, teacher.shape], operators: g.nodes.map(({ op }) => op), trained };
}

/** A fitted pair's elements, with hashed weights. */
async function fittedData(student: Tensor, teacher: Tensor, fit: Fit): Promise<{ student: Tensor; teacher: Tensor }> {
  const g = graphBuilder("pair");
  const parts = partsIn(g, (name, { shape }) => g.store(name, hashedWeight(name, shape)));
  const pair = fitPair(parts, "adapter", pairIn(g, [student.shape, teacher.shape]), fit);
  g.output(g.identity(pair.student), "a");
  g.output(g.identity(pair.teacher), "b");
  const { a, b } = await runGraph(g.build(), { student, teacher });
  return { student: a as Tensor, teacher: b as Tensor };
}

/** Expects a tensor to hold a number for each index. */
function expectElements({ shape, data }: Tensor, expected: (n: number, a: number, b: number, c: number) => number): void {
  data.forEach((element: unknown, flat: number) => {
    let rest = flat;
    const index = shape
      .toReversed()
      .map((size) => {
        const at = rest % size;
        rest = Math.floor(rest / size);
        return at;
      })
      .reverse();
    expect(element, `element ${index}`).toBeCloseTo(expected(...(index as [number, number, number, number])), 5);
  });
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const range = (start: number, end: number): number[] => Array.from({ length: end - start }, (_, index) => start + index);

/** Reads an element of a tensor. */
const reader = ({ shape, data }: Tensor) => {
  return (...index: number[]): number => data[index.reduce((flat, at, axis) => flat * (shape[axis] as number) + at, 0)] as number;
};

describe("a pair of features", () => {
  it.each<[string, Shapes, Fit]>([
    ["maps", sizes("2×3×4×4 2×3×4×4"), same("maps")],
    ["vectors", sizes("2×6 2×6"), same("vectors")],
    ["tokens", sizes("2×5×6 2×5×6"), same("any")],
    ["maps, where they may differ", sizes("2×3×4×4 2×6×2×2"), { form: "maps", channels: "any", space: "any" }],
    ["whatever, where it may differ", sizes("2×3×4×4 2×6"), anything],
    ["something else, of one shape", sizes("2×3×4×4×1 2×3×4×4×1"), same("any")],
  ])("is left as it is if it fits: %s", (_, shapes, fit) => {
    expect(fitted(shapes, fit)).toEqual({ shapes, operators: [], trained: [] });
  });

  it.each<[string, Shapes, Fit, Shapes, string[]]>([
    ["a larger student", sizes("2×3×4×4 2×6×2×2"), same("maps"), sizes("2×6×2×2 2×6×2×2"), ["conv/weight", "bn/scale", "bn/bias"]],
    ["a larger teacher", sizes("2×3×2×2 2×3×5×4"), same("any"), sizes("2×3×2×2 2×3×2×2"), []],
    ["any channels", sizes("2×3×4×4 2×6×2×2"), { form: "maps", channels: "any", space: "same" }, sizes("2×3×2×2 2×6×2×2"), []],
    [
      "any size",
      sizes("2×3×4×4 2×6×2×2"),
      { form: "maps", channels: "same", space: "any" },
      sizes("2×6×4×4 2×6×2×2"),
      ["conv/weight", "bn/scale", "bn/bias"],
    ],
    ["vectors", sizes("2×6 2×8"), same("vectors"), sizes("2×8 2×8"), ["linear/weight", "linear/bias"]],
    ["vectors of maps and tokens", sizes("2×3×4×4 2×5×3"), same("vectors"), sizes("2×3 2×3"), []],
    ["a vector and a map, for any form", sizes("2×6 2×6×2×2"), same("any"), sizes("2×6 2×6"), []],
    ["tokens of other width", sizes("2×5×6 2×5×8"), same("tokens"), sizes("2×5×8 2×5×8"), ["linear/weight", "linear/bias"]],
    ["tokens of other number", sizes("2×6×4 2×3×4"), same("tokens"), sizes("2×3×4 2×3×4"), []],
    ["squares of tokens, one with a class token", sizes("2×16×4 2×10×4"), same("tokens"), sizes("2×9×4 2×9×4"), []],
    ["a map for tokens, by form", sizes("2×3×4×4 2×17×3"), same("tokens"), sizes("2×16×3 2×16×3"), []],
    [
      "tokens for a map, by the teacher",
      sizes("2×17×6 2×3×2×2"),
      same("any"),
      sizes("2×3×2×2 2×3×2×2"),
      ["conv/weight", "bn/scale", "bn/bias"],
    ],
    ["a map for tokens, by the teacher", sizes("2×3×2×2 2×5×6"), same("any"), sizes("2×4×6 2×4×6"), ["linear/weight", "linear/bias"]],
  ])("is brought together: %s", (_, given, fit, expected, trained) => {
    const found = fitted(given, fit);
    expect(found.shapes).toEqual(expected);
    expect(found.trained).toEqual(trained.map((name) => `adapter/${name}`));
  });

  it("averages, then turns channels by convolution and batch normalisation", async () => {
    const [x, teacher] = [goldenTensors.fs, goldenTensors.ft2] as [Tensor, Tensor];
    const found = await fittedData(x, teacher, same("maps"));
    const weight = reader(hashedWeight("adapter/conv/weight", [6, 3, 1, 1]));
    const scale = reader(hashedWeight("adapter/bn/scale", [6]));
    const bias = reader(hashedWeight("adapter/bn/bias", [6]));
    const at = reader(x);
    expectElements(found.student, (n, channel, row, column) => {
      const [top, left] = [2 * row, 2 * column];
      const sum = range(0, 3).reduce((total, from) => {
        const window = [0, 1].flatMap((i) => [0, 1].map((j) => at(n, from, top + i, left + j)));
        return total + weight(channel, from, 0, 0) * mean(window);
      }, 0);
      return (sum / Math.sqrt(1 + 1e-5)) * scale(channel) + bias(channel);
    });
    expect(found.teacher.data).toEqual(teacher.data);
  });

  it("turns features of tokens by a linear layer", async () => {
    const x = wave([2, 5, 3]);
    const { student } = await fittedData(x, wave([2, 5, 4], 1), same("tokens"));
    const at = reader(x);
    const weight = reader(hashedWeight("adapter/linear/weight", [4, 3]));
    const bias = reader(hashedWeight("adapter/linear/bias", [4]));
    expectElements(student, (n, token, feature) =>
      range(0, 3).reduce((sum, from) => sum + weight(feature, from) * at(n, token, from), bias(feature)),
    );
  });

  it("pools vectors, and tokens along their order", async () => {
    const [map, tokens] = [wave([2, 3, 2, 4]), wave([2, 5, 3], 1)];
    const [atMap, atToken] = [reader(map), reader(tokens)];
    const vectors = await fittedData(map, tokens, same("vectors"));
    const everywhere = range(0, 2).flatMap((i) => range(0, 4).map((j) => [i, j] as const));
    expectElements(vectors.student, (n, c) => mean(everywhere.map(([i, j]) => atMap(n, c, i, j))));
    expectElements(vectors.teacher, (n, d) => mean(range(0, 5).map((t) => atToken(n, t, d))));
    // Windows [0, 1], [1, 2, 3] and [3, 4], as adaptive_avg_pool1d has them.
    const { student } = await fittedData(tokens, wave([2, 3, 3]), same("tokens"));
    const windows = [range(0, 2), range(1, 4), range(3, 5)];
    expectElements(student, (n, t, d) => mean((windows[t] as number[]).map((from) => atToken(n, from, d))));
  });

  it("takes tokens for places row by row, after the class token", async () => {
    const [map, tokens] = [wave([2, 3, 2, 2]), wave([2, 5, 3], 1)];
    const asTokens = await fittedData(map, tokens, same("tokens"));
    const [atMap, atToken] = [reader(map), reader(tokens)];
    expectElements(asTokens.student, (n, t, d) => atMap(n, d, Math.floor(t / 2), t % 2));
    expectElements(asTokens.teacher, (n, t, d) => atToken(n, t + 1, d));
    const asMaps = await fittedData(tokens, map, same("maps"));
    expectElements(asMaps.student, (n, c, i, j) => atToken(n, 1 + 2 * i + j, c));
    // Squares of 4×4 and 2×2 places: averaged as squares.
    const [large, small] = [wave([2, 16, 3]), wave([2, 5, 3], 1)];
    const atLarge = reader(large);
    const squares = await fittedData(large, small, same("tokens"));
    expectElements(squares.student, (n, t, d) => {
      const corner = 8 * Math.floor(t / 2) + 2 * (t % 2);
      return mean([0, 1, 4, 5].map((offset) => atLarge(n, corner + offset, d)));
    });
  });

  it.each<[string, Shapes, Fit]>([
    ["maps", sizes("3×3×4×4 3×4×2×2"), same("maps")],
    ["maps that don't divide", sizes("2×3×5×4 2×4×3×6"), same("maps")],
    ["vectors", sizes("3×4 3×5"), same("vectors")],
    ["tokens", sizes("2×6×4 2×5×3"), same("tokens")],
    ["tokens and a map", sizes("2×10×4 2×3×2×2"), same("any")],
  ])("lets gradients flow into both networks and the adapter's weights: %s", async (name, shapes, fit) => {
    const test = weightedCase(
      name,
      shapes.map((shape) => ({ shape })),
      (parts, ...[student, teacher]) => {
        const pair = fitPair(parts, "adapter", { student: student as Value, teacher: teacher as Value }, fit);
        return parts.g.mul(pair.student, pair.teacher);
      },
    );
    expect(await gradientMismatches(nodeRuntime({ threads: 1 }), test)).toEqual([]);
  });

  it.each<[string, Shapes, Fit, string]>([
    [
      "vectors for a loss on maps",
      sizes("2×6 2×6×4×4"),
      same("maps"),
      `The student's "student" [2, 6] and the teacher's "teacher" [2, 6, 4, 4] can't be brought together: the loss needs maps [B, C, H, W], which "student" can't be turned into. — Pair taps that are maps in both networks (\`limbeck inspect\` lists them), or use a loss on vectors.`,
    ],
    [
      "vectors for a loss on tokens",
      sizes("2×5×6 2×6"),
      same("tokens"),
      `the loss needs tokens [B, T, D], which "teacher" can't be turned into`,
    ],
    ["tokens that are no square", sizes("2×6×3 2×3×4×4"), same("any"), `the 6 tokens of "student" make no square map`],
    ["five axes", sizes("2×3×4×4×4 2×3×4×4"), same("maps"), `or use a loss on other tensors`],
    ["five axes, for any form", sizes("2×3×4×4×4 2×3×4×4"), same("any"), "they differ, and an adapter takes maps, tokens or vectors"],
  ])("that can't be brought together is a mistake: %s", (_, shapes, fit, message) => {
    const g = graphBuilder("pair");
    const pair = pairIn(g, shapes);
    let found = "";
    try {
      fitPair(partsIn(g), "adapter", pair, fit);
    } catch (error) {
      found = explain(error as LimbeckError);
    }
    expect(found).toContain(message);
  });
});
