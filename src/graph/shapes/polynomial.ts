import { LimbeckError } from "../../errors.ts";

/*
 * Whole-number expressions of symbolic sizes, in one normal form: a sum of products of factors with whole coefficients. A factor is a
 * symbol, or a floor division, minimum or maximum that can't be taken apart. So polynomials that are equal have equal texts; of the many
 * identities between floors, minima and maxima only the common ones are known.
 */

/** Something that has no parts to a product: its text tells it from others. */
export type Factor =
  | { readonly kind: "symbol"; readonly text: string }
  | { readonly kind: "floor"; readonly text: string; readonly of: Sum; readonly by: Sum }
  | { readonly kind: "min" | "max"; readonly text: string; readonly of: readonly Sum[] };

export interface Term {
  readonly coefficient: number;
  /** In the order of their texts, repeated for powers. */
  readonly factors: readonly Factor[];
}

/** Terms of distinct products in decreasing graded lexicographic order, the constant last; none is zero. */
export type Sum = readonly Term[];

/** More terms than this are no size of a real network, and would make inference slow. */
const MOST_TERMS = 512;

export function constant(value: number): Sum {
  if (!Number.isSafeInteger(value)) throw new LimbeckError(`A size of ${value} is more than can be counted exactly.`);
  return value === 0 ? [] : [{ coefficient: value, factors: [] }];
}

export const symbol = (text: string): Sum => ofFactor({ kind: "symbol", text });
const ofFactor = (factor: Factor): Sum => [{ coefficient: 1, factors: [factor] }];

/** The number that a sum is, if it holds no symbol. */
export function numberOf(sum: Sum): number | undefined {
  if (sum.length === 0) return 0;
  const [first] = sum as [Term];
  return sum.length === 1 && first.factors.length === 0 ? first.coefficient : undefined;
}

const productText = ({ factors }: Term): string => factors.map(({ text }) => text).join("*");

/** Graded lexicographic: an order that multiplication keeps, as division needs. */
function compareTerms(a: Term, b: Term): number {
  if (a.factors.length !== b.factors.length) return b.factors.length - a.factors.length;
  for (const [index, { text }] of a.factors.entries()) {
    const other = (b.factors[index] as Factor).text;
    if (text !== other) return text < other ? -1 : 1;
  }
  return 0;
}

function collect(terms: readonly Term[]): Sum {
  const byProduct = new Map<string, Term>();
  for (const term of terms) {
    const key = productText(term);
    const coefficient = (byProduct.get(key)?.coefficient ?? 0) + term.coefficient;
    if (!Number.isSafeInteger(coefficient)) throw new LimbeckError("A size is more than can be counted exactly.");
    byProduct.set(key, { coefficient, factors: term.factors });
  }
  if (byProduct.size > MOST_TERMS) throw new LimbeckError(`The expression of a symbolic size has over ${MOST_TERMS} terms.`);
  return [...byProduct.values()].filter(({ coefficient }) => coefficient !== 0).sort(compareTerms);
}

export const addSums = (...sums: readonly Sum[]): Sum => simplified(collect(sums.flat()));

export const multiplySums = (a: Sum, b: Sum): Sum => simplified(expanded(a, b));

function expanded(a: Sum, b: Sum): Sum {
  if (a.length * b.length > MOST_TERMS) throw new LimbeckError(`The expression of a symbolic size has over ${MOST_TERMS} terms.`);
  return collect(a.flatMap((left) => b.map((right) => multiplyTerms(left, right))));
}

function multiplyTerms(a: Term, b: Term): Term {
  const factors = [...a.factors, ...b.factors].sort((left, right) => (left.text < right.text ? -1 : left.text > right.text ? 1 : 0));
  return { coefficient: a.coefficient * b.coefficient, factors };
}

const opposite = (sum: Sum): Sum => sum.map(({ coefficient, factors }) => ({ coefficient: -coefficient, factors }));
export const negateSum = (sum: Sum): Sum => addSums(opposite(sum));
export const subtractSums = (a: Sum, b: Sum): Sum => addSums(a, opposite(b));

function simplified(sum: Sum): Sum {
  return withPositiveFloors(sum) ?? withinExtreme(sum) ?? sum;
}

/** The factor that a term consists of. */
const onlyFactor = ({ factors }: Term): Factor | undefined => (factors.length === 1 ? factors[0] : undefined);

/**
 * By ⌊p/d⌋ = −⌊(d − 1 − p)/d⌋: floors that are subtracted become floors that are added, N − ⌊N/2⌋ = ⌊(N + 1)/2⌋, and two that add up to
 * something simpler do so, ⌊N/2⌋ + ⌊(N + 1)/2⌋ = N. `undefined` where there are none.
 */
function withPositiveFloors(sum: Sum): Sum | undefined {
  const floors = sum.filter((term) => isFloorByNumber(onlyFactor(term)));
  for (const term of floors) {
    if (term.coefficient > 0 && floors.length === 1) continue;
    const reflected = reflectionOf(onlyFactor(term) as Floor);
    const moved = term.coefficient < 0 ? term.coefficient : Math.min(term.coefficient, cancelledBy(reflected, sum));
    if (moved !== 0) return addSums(sum, [{ ...term, coefficient: -moved }], scaled(reflected, moved));
  }
  return undefined;
}

type Floor = Factor & { readonly kind: "floor" };
const isFloorByNumber = (factor: Factor | undefined): factor is Floor => factor?.kind === "floor" && numberOf(factor.by) !== undefined;

/** −⌊(d − 1 − p)/d⌋ for ⌊p/d⌋, which is the same. */
function reflectionOf(floor: Floor): Sum {
  const divisor = numberOf(floor.by) as number;
  return remembered(reflections, floor, () => opposite(floorDivideByNumber(subtractSums(constant(divisor - 1), floor.of), divisor)));
}

/* Nested factors would be gone through again for each that they are in: what was found of one is kept as long as it lives. */
const reflections = new WeakMap<Factor, Sum>();
const bounds = new WeakMap<Factor, readonly [number, number]>();

function remembered<T>(known: WeakMap<Factor, T>, factor: Factor, find: () => T): T {
  const found = known.get(factor) ?? find();
  known.set(factor, found);
  return found;
}

/** How many times a sum has the floor that is subtracted in a reflected one; 0 where it is not added at all. */
function cancelledBy(reflected: Sum, sum: Sum): number {
  const floor = reflected.find((term) => term.coefficient === -1 && onlyFactor(term)?.kind === "floor");
  const added = floor && sum.find((term) => productText(term) === productText(floor));
  return Math.max(0, added?.coefficient ?? 0);
}

const scaled = (sum: Sum, by: number): Sum => sum.map(({ coefficient, factors }) => ({ coefficient: coefficient * by, factors }));

/** N − max(0, N − 3) = min(N, 3): what is added to the only minimum or maximum of a sum goes into it where that makes it shorter. */
function withinExtreme(sum: Sum): Sum | undefined {
  const [term, ...more] = sum.filter(({ factors }) => factors.some(isExtreme));
  const extreme = term && onlyFactor(term);
  if (!term || more.length > 0 || !extreme || !isExtreme(extreme) || Math.abs(term.coefficient) !== 1) return undefined;
  const others = sum.filter((other) => other !== term);
  const parts = extreme.of.map((part) => addSums(scaled(part, term.coefficient), others));
  const length = (sums: readonly Sum[]) => sums.reduce((total, each) => total + each.length, 0);
  if (length(parts) >= length([...extreme.of, others])) return undefined;
  return extremeOfSums(term.coefficient === 1 ? extreme.kind : extreme.kind === "min" ? "max" : "min", parts);
}

const isExtreme = (factor: Factor): factor is Factor & { readonly kind: "min" | "max" } => factor.kind === "min" || factor.kind === "max";

/** The factors of a term without those of another; `undefined` where one is lacking. */
function withoutFactors(factors: readonly Factor[], taken: readonly Factor[]): readonly Factor[] | undefined {
  const rest = [...factors];
  for (const { text } of taken) {
    const index = rest.findIndex((factor) => factor.text === text);
    if (index < 0) return undefined;
    rest.splice(index, 1);
  }
  return rest;
}

/** a / b where that leaves no remainder, by long division. */
export function divideExactly(a: Sum, b: Sum): Sum | undefined {
  const [lead] = b;
  if (!lead) return undefined;
  const quotient: Term[] = [];
  for (let rest = a; rest.length > 0; ) {
    const [first] = rest as [Term];
    const factors = withoutFactors(first.factors, lead.factors);
    if (!factors || first.coefficient % lead.coefficient !== 0 || quotient.length >= MOST_TERMS) return undefined;
    const term: Term = { coefficient: first.coefficient / lead.coefficient, factors };
    quotient.push(term);
    rest = collect([...rest, ...opposite(expanded([term], b))]);
  }
  return collect(quotient);
}

/** ⌊a / b⌋ for a positive b. */
export function floorDivideSums(a: Sum, b: Sum): Sum {
  const exact = divideExactly(a, b);
  if (exact) return exact;
  const divisor = numberOf(b);
  if (divisor !== undefined) return simplified(floorDivideByNumber(a, divisor));
  // Of a size from 0 to b − 1, or from −b to −1.
  if (lowerBound(a) >= 0 && lowerBound(subtractSums(b, a)) > 0) return constant(0);
  if (upperBound(a) < 0 && lowerBound(addSums(a, b)) >= 0) return constant(-1);
  const { left, right } = withoutCommonFactors(a, b);
  return ofFactor(floorFactor(left, right));
}

const floorFactor = (of: Sum, by: Sum): Factor => ({ kind: "floor", of, by, text: `floor(${grouped(of, 1)}/${grouped(by, 0)})` });

/** Takes whole multiples of the divisor out of the floor, so that what is left inside has coefficients from 0 to the divisor. */
function floorDivideByNumber(sum: Sum, divisor: number): Sum {
  if (divisor <= 0) throw new LimbeckError(`A size cannot be divided by ${divisor}.`);
  const whole = sum.map(({ coefficient, factors }) => ({ coefficient: Math.floor(coefficient / divisor), factors }));
  const inside = collect([...sum, ...scaled(whole, -divisor)]);
  return collect([...whole, ...flooredRemainder(inside, divisor)]);
}

function flooredRemainder(inside: Sum, divisor: number): Sum {
  const open = inside.filter(({ factors }) => factors.length > 0);
  const offset = inside.find(({ factors }) => factors.length === 0)?.coefficient ?? 0;
  if (open.length === 0) return constant(Math.floor(offset / divisor));
  // ⌊(2N + 1)/4⌋ = ⌊N/2⌋
  const common = open.reduce((gcd, { coefficient }) => greatestCommonDivisor(gcd, coefficient), divisor);
  if (common > 1) {
    const reduced = open.map(({ coefficient, factors }) => ({ coefficient: coefficient / common, factors }));
    return floorDivideByNumber(collect([...reduced, ...constant(Math.floor(offset / common))]), divisor / common);
  }
  // ⌊(⌊H/a⌋ + c)/b⌋ = ⌊(H + a·c)/(a·b)⌋
  const [only] = open as [Term];
  const factor = onlyFactor(only);
  if (open.length === 1 && only.coefficient === 1 && factor?.kind === "floor") {
    const [numerator, outer] = [addSums(factor.of, scaled(factor.by, offset)), scaled(factor.by, divisor)];
    const number = numberOf(outer);
    return number === undefined ? floorDivideSums(numerator, outer) : floorDivideByNumber(numerator, number);
  }
  return ofFactor(floorFactor(inside, constant(divisor)));
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? Math.abs(a) : greatestCommonDivisor(b, a % b);
}

function withoutCommonFactors(a: Sum, b: Sum): { left: Sum; right: Sum } {
  const terms = [...a, ...b];
  let common = terms[0]?.factors ?? [];
  for (const { factors } of terms) {
    const lacking = common.filter((factor, index) => countOf(common.slice(0, index + 1), factor) > countOf(factors, factor));
    common = withoutFactors(common, lacking) as readonly Factor[];
  }
  const coefficient = terms.reduce((gcd, term) => greatestCommonDivisor(gcd, term.coefficient), 0);
  const content: Sum = [{ coefficient, factors: common }];
  return { left: divideExactly(a, content) ?? a, right: divideExactly(b, content) ?? b };
}

const countOf = (factors: readonly Factor[], { text }: Factor): number => factors.filter((factor) => factor.text === text).length;

/** The smallest or largest of sums; those that can't be it, whatever the symbols, are left out. */
export function extremeOfSums(kind: "min" | "max", sums: readonly Sum[]): Sum {
  const flat = sums.flatMap((sum): readonly Sum[] => {
    const [factor] = sum.length === 1 && sum[0]?.coefficient === 1 && sum[0].factors.length === 1 ? sum[0].factors : [];
    return factor?.kind === kind ? factor.of : [sum];
  });
  const kept: Sum[] = [];
  for (const sum of flat) {
    if (kept.some((other) => isBeaten(kind, sum, other))) continue;
    kept.splice(0, kept.length, ...kept.filter((other) => !isBeaten(kind, other, sum)), sum);
  }
  if (kept.length === 1) return kept[0] as Sum;
  const sorted = kept.map((sum) => ({ sum, text: textOf(sum) })).sort((a, b) => (a.text < b.text ? -1 : 1));
  return ofFactor({ kind, of: sorted.map(({ sum }) => sum), text: `${kind}(${sorted.map(({ text }) => text).join(",")})` });
}

const isBeaten = (kind: "min" | "max", sum: Sum, other: Sum): boolean =>
  lowerBound(kind === "min" ? subtractSums(sum, other) : subtractSums(other, sum)) >= 0;

/** A number that the sum is never below, given that every symbol is a size of 1 or more; −∞ where none is known. */
export function lowerBound(sum: Sum): number {
  const direct = sum.reduce((total, term) => total + lowerBoundOfTerm(term), 0);
  return Math.max(Number.isNaN(direct) ? Number.NEGATIVE_INFINITY : direct, lowerBoundWithoutFloors(sum));
}

export const upperBound = (sum: Sum): number => -lowerBound(opposite(sum));

function lowerBoundOfTerm({ coefficient, factors }: Term): number {
  const ranges = factors.map((factor) => remembered(bounds, factor, () => boundsOfFactor(factor)));
  if (ranges.some(([low]) => low < 0)) return Number.NEGATIVE_INFINITY;
  return coefficient * ranges.reduce((product, [low, high]) => product * (coefficient > 0 ? low : high), 1);
}

function boundsOfFactor(factor: Factor): readonly [number, number] {
  if (factor.kind === "symbol") return [1, Number.POSITIVE_INFINITY];
  if (factor.kind === "floor") {
    const [low, high] = [lowerBound(factor.of), upperBound(factor.of)];
    const divisor = numberOf(factor.by);
    if (divisor === undefined) return [low >= 0 ? 0 : Number.NEGATIVE_INFINITY, high < 0 ? -1 : Number.POSITIVE_INFINITY];
    return [Math.floor(low / divisor), Math.floor(high / divisor)];
  }
  const extreme = factor.kind === "min" ? Math.min : Math.max;
  return [extreme(...factor.of.map(lowerBound)), extreme(...factor.of.map(upperBound))];
}

/** From p − q + 1 ≤ q·⌊p/q⌋ ≤ p, which keeps what p has in common with the other terms. */
function lowerBoundWithoutFloors(sum: Sum): number {
  for (const [index, { coefficient, factors }] of sum.entries()) {
    const others = sum.filter((_, position) => position !== index);
    for (const floor of factors) {
      if (floor.kind !== "floor") continue;
      const divisor = numberOf(floor.by);
      const isTimesDivisor = textOf(floor.by) === productText({ coefficient: 1, factors: withoutFactors(factors, [floor]) ?? [] });
      if (!isTimesDivisor && (divisor === undefined || factors.length > 1)) continue;
      const scale = isTimesDivisor || divisor === undefined ? 1 : divisor;
      const bound = coefficient > 0 ? addSums(subtractSums(floor.of, floor.by), constant(1)) : floor.of;
      return Math.ceil(lowerBound(addSums(scaled(others, scale), scaled(bound, coefficient))) / scale);
    }
  }
  return Number.NEGATIVE_INFINITY;
}

/** `2*N*S+floor((H+1)/2)-3`. */
export function textOf(sum: Sum): string {
  if (sum.length === 0) return "0";
  return sum.map((term, index) => textOfTerm(term, index === 0)).join("");
}

function textOfTerm(term: Term, isFirst: boolean): string {
  const size = Math.abs(term.coefficient);
  const product = [...(size === 1 && term.factors.length > 0 ? [] : [String(size)]), ...term.factors.map(({ text }) => text)].join("*");
  return `${term.coefficient < 0 ? "-" : isFirst ? "" : "+"}${product}`;
}

/** In parentheses where it stands beside a division sign and needs them: as the dividend (1) or the divisor (0). */
function grouped(sum: Sum, factorsAllowed: 0 | 1): string {
  const text = textOf(sum);
  const [term] = sum;
  const isSimple =
    sum.length === 1 && term !== undefined && (factorsAllowed === 1 || term.factors.length === 0 || text === term.factors[0]?.text);
  return isSimple ? text : `(${text})`;
}
