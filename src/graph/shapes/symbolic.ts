import { LimbeckError } from "../../errors.ts";
import type { Dim } from "../graph.ts";
import {
  addSums,
  constant,
  divideExactly,
  extremeOfSums,
  type Factor,
  floorDivideSums,
  lowerBound,
  multiplySums,
  negateSum,
  numberOf,
  type Sum,
  subtractSums,
  symbol,
  textOf,
  upperBound,
} from "./polynomial.ts";

/*
 * Arithmetic on sizes. A symbolic size is a text: a name, `"N"`, or an expression of names, `"floor((H+1)/2)"`, always in the one form that
 * `textOf` writes, so that equal sizes are equal texts. Every name stands for a size of 1 or more.
 */

/** A longer text is a name, not an expression. */
const LONGEST = 4_000;
const DEEPEST = 16;

const areNumbers = (dims: readonly Dim[]): dims is readonly number[] => dims.every((dim) => typeof dim === "number");
const toDim = (sum: Sum): Dim => numberOf(sum) ?? textOf(sum);
const toSum = (dim: Dim): Sum => (typeof dim === "number" ? constant(dim) : parse(dim));

/** An operation on sizes: on numbers directly, as most are, and otherwise on expressions. */
const operation =
  (onNumbers: (...numbers: number[]) => number, onSums: (...sums: Sum[]) => Sum) =>
  (...dims: readonly Dim[]): Dim => {
    if (!areNumbers(dims)) return toDim(onSums(...dims.map(toSum)));
    // Without the sign that a zero may have.
    const result = onNumbers(...dims) + 0;
    if (!Number.isSafeInteger(result)) throw new LimbeckError(`A size of ${result} cannot be counted exactly.`);
    return result;
  };

export const add = operation((...numbers) => numbers.reduce((sum, number) => sum + number, 0), addSums);
export const multiply = operation(
  (...numbers) => numbers.reduce((product, number) => product * number, 1),
  (...sums) => sums.reduce(multiplySums, constant(1)),
);
export const smallest = operation(Math.min, (...sums) => extremeOfSums("min", sums));
export const largest = operation(Math.max, (...sums) => extremeOfSums("max", sums));

const binary: (of: (...dims: readonly Dim[]) => Dim) => (a: Dim, b: Dim) => Dim = (of) => of;
export const subtract = binary(
  operation(
    (a = 0, b = 0) => a - b,
    (a = [], b = []) => subtractSums(a, b),
  ),
);
/** ⌊a / b⌋ for b of 1 or more. */
export const floorDivide = binary(
  operation(
    (a = 0, b = 0) => Math.floor(a / b),
    (a = [], b = []) => floorDivideSums(a, b),
  ),
);
/** ⌈a / b⌉ for b of 1 or more. */
export const ceilDivide = (a: Dim, b: Dim): Dim => floorDivide(subtract(add(a, b), 1), b);

/** The smallest and the largest number that a size can be. */
export function boundsOf(dim: Dim): readonly [number, number] {
  if (typeof dim === "number") return [dim, dim];
  const sum = parse(dim);
  return [lowerBound(sum), upperBound(sum)];
}

/** Whether two sizes are equal for all values of their symbols. */
export const isSameSize = (a: Dim, b: Dim): boolean =>
  a === b || (typeof a === "string" && typeof b === "string" && toDim(parse(a)) === toDim(parse(b)));

/** The size in the form that arithmetic gives: `"1 + N"` becomes `"N+1"`. */
export const normalizeSize = (dim: Dim): Dim => (typeof dim === "number" ? dim : toDim(parse(dim)));

/** Names that occur in a size, in the order of the text. */
export function symbolsOf(dim: Dim): readonly string[] {
  return typeof dim === "number" ? [] : [...new Set(symbolsIn(parse(dim)))];
}

function symbolsIn(sum: Sum): string[] {
  return sum.flatMap(({ factors }) =>
    factors.flatMap((factor) => {
      if (factor.kind === "symbol") return [factor.text];
      return factor.kind === "floor" ? [...symbolsIn(factor.of), ...symbolsIn(factor.by)] : factor.of.flatMap(symbolsIn);
    }),
  );
}

/** The size for given sizes of some or all of its symbols. */
export function substitute(dim: Dim, sizes: ReadonlyMap<string, Dim>): Dim {
  if (typeof dim === "number") return dim;
  return sizes.get(dim) ?? toDim(substituteIn(parse(dim), sizes));
}

function substituteIn(sum: Sum, sizes: ReadonlyMap<string, Dim>): Sum {
  const replaced = (factor: Factor): Sum => {
    if (factor.kind === "symbol") return toSum(sizes.get(factor.text) ?? factor.text);
    if (factor.kind === "floor") return floorDivideSums(substituteIn(factor.of, sizes), substituteIn(factor.by, sizes));
    return extremeOfSums(
      factor.kind,
      factor.of.map((part) => substituteIn(part, sizes)),
    );
  };
  return addSums(...sum.map(({ coefficient, factors }) => factors.map(replaced).reduce(multiplySums, constant(coefficient))));
}

/** A text as an expression; one that is none, as files may hold it, is a symbol as a whole. */
function parse(text: string): Sum {
  if (/^[^-+*/(),]*$/.test(text)) return symbol(text);
  try {
    return (text.length <= LONGEST ? new Parser(text).whole() : undefined) ?? symbol(text);
  } catch (error) {
    if (!(error instanceof LimbeckError)) throw error;
    return symbol(text);
  }
}

interface Fraction {
  readonly over: Sum;
  readonly under: Sum;
}

const ONE = constant(1);
const negated = ({ over, under }: Fraction): Fraction => ({ over: negateSum(over), under });

/** sum = [-] product (± product)*; product = operand ((* | / | //) operand)*; operand = number | name | function(sum, ...) | (sum). */
class Parser {
  readonly #tokens: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    // A name may hold anything but operators, spaces inside it too.
    this.#tokens = text.match(/\/\/|[-+*/(),]|[^-+*/(),]+/g)?.flatMap((token) => token.trim() || []) ?? [];
  }

  /** Throws, or gives `undefined`, where the text is no expression. */
  whole(): Sum | undefined {
    const sum = this.#whole(this.#sum());
    return this.#at === this.#tokens.length ? sum : undefined;
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at++;
    return true;
  }

  #expect(token: string): void {
    if (!this.#take(token)) throw new LimbeckError(`"${token}" is missing.`);
  }

  #whole({ over, under }: Fraction): Sum {
    const quotient = divideExactly(over, under);
    if (!quotient) throw new LimbeckError("A fraction is no size.");
    return quotient;
  }

  #sum(): Fraction {
    if (++this.#depth > DEEPEST) throw new LimbeckError("The expression is nested too deeply.");
    let total: Fraction = this.#take("-") ? negated(this.#product()) : this.#product();
    for (;;) {
      const next = this.#take("+") ? this.#product() : this.#take("-") ? negated(this.#product()) : undefined;
      if (!next) break;
      total = {
        over: addSums(multiplySums(total.over, next.under), multiplySums(next.over, total.under)),
        under: multiplySums(total.under, next.under),
      };
    }
    this.#depth--;
    return total;
  }

  #product(): Fraction {
    let total = this.#operand();
    for (;;) {
      if (this.#take("*")) {
        const next = this.#operand();
        total = { over: multiplySums(total.over, next.over), under: multiplySums(total.under, next.under) };
      } else if (this.#take("//")) {
        total = { over: this.#floor(this.#quotient(total, this.#operand())), under: ONE };
      } else if (this.#take("/")) {
        total = this.#quotient(total, this.#operand());
      } else return total;
    }
  }

  #quotient(a: Fraction, b: Fraction): Fraction {
    return { over: multiplySums(a.over, b.under), under: multiplySums(a.under, b.over) };
  }

  #floor({ over, under }: Fraction): Sum {
    return floorDivideSums(over, under);
  }

  #operand(): Fraction {
    if (this.#take("(")) {
      const inner = this.#sum();
      this.#expect(")");
      return inner;
    }
    const token = this.#tokens[this.#at++];
    if (token === undefined || /^[-+*/(),]/.test(token)) throw new LimbeckError("A size is missing.");
    if (this.#tokens[this.#at] === "(") return { over: this.#call(token), under: ONE };
    return { over: /^\d+$/.test(token) ? constant(Number(token)) : symbol(token), under: ONE };
  }

  #call(name: string): Sum {
    this.#expect("(");
    const parts = [this.#sum()];
    while (this.#take(",")) parts.push(this.#sum());
    this.#expect(")");
    const [first] = parts as [Fraction];
    if (name === "floor" && parts.length === 1) return this.#floor(first);
    if (name === "ceil" && parts.length === 1)
      return this.#floor({ over: addSums(first.over, first.under, constant(-1)), under: first.under });
    const kind = name.toLowerCase();
    if (kind !== "min" && kind !== "max") throw new LimbeckError(`${name} is no function of sizes.`);
    return extremeOfSums(
      kind,
      parts.map((part) => this.#whole(part)),
    );
  }
}
