import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Dim } from "../graph.ts";
import {
  add,
  boundsOf,
  ceilDivide,
  floorDivide,
  isSameSize,
  largest,
  multiply,
  normalizeSize,
  smallest,
  substitute,
  subtract,
  symbolsOf,
} from "./symbolic.ts";

describe("the form of expressions", () => {
  test.each<[Dim, Dim]>([
    [multiply("N", 4), "4*N"],
    [multiply("S", 2, "N"), "2*N*S"],
    [add("N", 1, "M"), "M+N+1"],
    [subtract("N", "N"), 0],
    [subtract(1, "N"), "-N+1"],
    [multiply(add("N", 1), add("S", 2)), "N*S+2*N+S+2"],
    [floorDivide(multiply("N", 12, "S", 64), multiply("S", 64)), "12*N"],
    [floorDivide(add(multiply("N", "S"), multiply("N", 3)), add("S", 3)), "N"],
    [floorDivide(add(multiply(2, "N"), 1), 4), "floor(N/2)"],
    [floorDivide(add(multiply(5, "N"), 7), 2), "2*N+floor((N+1)/2)+3"],
    [floorDivide(multiply(2, "N", "A"), multiply(4, "B", "N")), "floor(A/(2*B))"],
    [floorDivide("N", add("M", 1)), "floor(N/(M+1))"],
    [ceilDivide("N", 2), "floor((N+1)/2)"],
    [subtract("N", floorDivide("N", 2)), "floor((N+1)/2)"],
    [add(floorDivide("N", 2), ceilDivide("N", 2)), "N"],
    [floorDivide(floorDivide("N", 4), 7), "floor(N/28)"],
    [smallest("S", 512), "min(512,S)"],
    [smallest("S", add("S", 1), smallest(3, "T")), "min(3,S,T)"],
    [largest(0, subtract("S", 1)), "S-1"],
    [largest(0, subtract("S", 2)), "max(0,S-2)"],
    [subtract("S", largest(0, subtract("S", 3))), "min(3,S)"],
    [floorDivide(-1, "S"), -1],
    [subtract(1, multiply("S", floorDivide(1, "S"))), "-S*floor(1/S)+1"],
  ])("%s is written %s", (dim, text) => {
    expect(dim).toBe(text);
  });

  test("three halvings of an image, as ResNet's", () => {
    const halved = (size: Dim, kernel: number) => add(floorDivide(add(size, 2 * ((kernel - 1) / 2) - kernel), 2), 1);
    expect(halved(halved(halved("H", 7), 3), 3)).toBe("floor((H+7)/8)");
  });

  test.each<[string, Dim]>([
    ["1 + N", "N+1"],
    ["2*(1+N)//2", "N+1"],
    ["s0 // 8", "floor(s0/8)"],
    ["floor(H/2 - 1/2) + 1", "floor((H+1)/2)"],
    ["ceil(H/2)", "floor((H+1)/2)"],
    ["Max(1, N)", "N"],
    ["3*4", 12],
  ])("%s of a file is %s", (text, size) => {
    expect(normalizeSize(text)).toBe(size);
    expect(isSameSize(text, size)).toBe(typeof size === "string");
  });

  test.each([
    "batch size",
    "?",
    "unk__12",
    "",
    "h/8",
    "f(N)",
    "(N",
    "N)",
    "N,M",
    "1/0",
    "floor()",
    "N**2",
    "9999999999999999999*N",
    `${"(".repeat(200)}N${")".repeat(200)}`,
    "N+".repeat(6000),
  ])("%s is a name", (name) => {
    expect(normalizeSize(name)).toBe(name);
    expect(symbolsOf(name)).toEqual([name]);
    expect(substitute(name, new Map([[name, 3]]))).toBe(3);
  });

  test("sizes beyond what numbers count exactly are refused", () => {
    expect(() => multiply(2 ** 40, 2 ** 40)).toThrow("A size of 1.2");
    expect(() => multiply(multiply("N", 2 ** 40), 2 ** 40)).toThrow("more than can be counted exactly");
    expect(() => floorDivide("N", 0)).toThrow("cannot be divided by 0");
    expect(() => floorDivide(4, 0)).toThrow("cannot be counted");
  });
});

/** An expression, and what it is for sizes of its symbols. */
interface Case {
  readonly dim: Dim;
  readonly of: (sizes: ReadonlyMap<string, number>) => number;
}

const names = ["A", "B", "C"];
const leaf: fc.Arbitrary<Case> = fc.oneof(
  fc.integer({ min: -6, max: 9 }).map((number) => ({ dim: number, of: () => number })),
  fc.constantFrom(...names).map((name) => ({ dim: name, of: (sizes: ReadonlyMap<string, number>) => sizes.get(name) as number })),
);

type Operation = readonly [(a: Dim, b: Dim) => Dim, (a: number, b: number) => number];
const polynomials: readonly Operation[] = [
  [add, (a, b) => a + b],
  [subtract, (a, b) => a - b],
  [multiply, (a, b) => a * b],
];
const extremes: readonly Operation[] = [
  [smallest, Math.min],
  [largest, Math.max],
];

const expressionsOf = (operations: readonly Operation[]): fc.Arbitrary<Case> =>
  fc.letrec<{ expression: Case }>((tie) => ({
    expression: fc.oneof(
      { maxDepth: 5, depthSize: "medium" },
      leaf,
      fc
        .tuple(fc.constantFrom(...operations), tie("expression"), tie("expression"))
        .map(([[symbolic, numeric], a, b]): Case => ({ dim: symbolic(a.dim, b.dim), of: (sizes) => numeric(a.of(sizes), b.of(sizes)) })),
      fc
        .tuple(tie("expression"), fc.integer({ min: 1, max: 7 }))
        .map(([a, divisor]): Case => ({ dim: floorDivide(a.dim, divisor), of: (sizes) => Math.floor(a.of(sizes) / divisor) })),
      fc
        .tuple(tie("expression"), fc.constantFrom(...names))
        .map(
          ([a, name]): Case => ({ dim: floorDivide(a.dim, name), of: (sizes) => Math.floor(a.of(sizes) / (sizes.get(name) as number)) }),
        ),
    ),
  })).expression;
const expressions = expressionsOf([...polynomials, ...extremes]);
const assignments = fc
  .tuple(...names.map(() => fc.integer({ min: 1, max: 20 })))
  .map((sizes) => new Map(names.map((name, index) => [name, sizes[index] as number])));

describe("for all expressions and sizes", () => {
  test("arithmetic on symbols and then on numbers is arithmetic on numbers", () => {
    fc.assert(
      fc.property(expressions, assignments, ({ dim, of }, sizes) => {
        expect(substitute(dim, sizes)).toBe(of(sizes) + 0);
      }),
      { numRuns: 500 },
    );
  });

  test("their values lie within their bounds", () => {
    fc.assert(
      fc.property(expressions, assignments, ({ dim, of }, sizes) => {
        const [least, most] = boundsOf(dim);
        expect(of(sizes)).toBeGreaterThanOrEqual(least);
        expect(of(sizes)).toBeLessThanOrEqual(most);
      }),
      { numRuns: 500 },
    );
  });

  test("what is written without minima and maxima is read as the same", () => {
    fc.assert(
      fc.property(expressionsOf(polynomials), ({ dim }) => {
        expect(normalizeSize(dim)).toBe(dim);
      }),
      { numRuns: 300 },
    );
  });

  test("sums and products don't depend on the order, products distribute over sums", () => {
    fc.assert(
      fc.property(
        expressionsOf(polynomials),
        expressionsOf(polynomials),
        expressionsOf(polynomials),
        assignments,
        ({ dim: a }, { dim: b }, { dim: c }, sizes) => {
          expect(add(a, b)).toBe(add(b, a));
          expect(multiply(a, b)).toBe(multiply(b, a));
          // Floors of floors have no one way of being written.
          expect(substitute(add(add(a, b), c), sizes)).toBe(substitute(add(a, add(b, c)), sizes));
          expect(substitute(multiply(add(a, b), c), sizes)).toBe(substitute(add(multiply(a, c), multiply(b, c)), sizes));
        },
      ),
      { numRuns: 500 },
    );
  });
});
