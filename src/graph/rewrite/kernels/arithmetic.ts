import { intAttribute } from "../../attributes.ts";
import type { ElementType } from "../../tensor.ts";
import { broadcastTo, type Element, type Elements, type Kernel, operand, type Task } from "./task.ts";

/*
 * Arithmetic on tensors, as far as it is exact: element for element what ONNX Runtime gives.
 */

const floatTypes = new Set<ElementType>(["float32", "float64"]);
const integerTypes = new Set<ElementType>(["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]);
const computedTypes = new Set<ElementType>(["float32", "float64", "int32", "int64"]);

type OfNumbers = (a: number, b: number) => number | undefined;
type OfBigints = (a: bigint, b: bigint) => Element | undefined;

/** Two operands, broadcast. Storing the exact result of two floats into a typed array rounds it as the hardware does. */
const binary =
  (ofNumbers: OfNumbers, ofBigints: OfBigints): Kernel =>
  (task) =>
    computedTypes.has(operand(task, 0).type) ? combined(task, 0, 1, ofNumbers, ofBigints) : undefined;

function combined(task: Task, first: number, second: number, ofNumbers: OfNumbers, ofBigints: OfBigints): Elements | undefined {
  const [left, right] = [broadcastTo(task, operand(task, first)), broadcastTo(task, operand(task, second))];
  const compute = operand(task, first).type === "int32" ? integral(ofNumbers) : ofNumbers;
  const result = task.allocate();
  for (let index = 0; index < result.length; index++) {
    const [a, b] = [left[index] as Element, right[index] as Element];
    const element = typeof a === "bigint" ? ofBigints(a, b as bigint) : compute(a as number, b as number);
    if (element === undefined) return undefined;
    result[index] = element;
  }
  return result;
}

/** In 32-bit integers: division cuts towards zero, and what doesn't fit is left to the runtime. */
const integral =
  (of: OfNumbers): OfNumbers =>
  (a, b) => {
    const exact = of(a, b);
    const whole = exact === undefined ? undefined : Math.trunc(exact);
    return whole === undefined || whole !== (whole | 0) ? undefined : whole | 0;
  };

/** `a < b` and the like, of numbers, bigints or booleans: they compare alike. */
const comparison =
  (of: (a: Element, b: Element) => boolean): Kernel =>
  (task) => {
    const { type } = operand(task, 0);
    const compare = (a: Element, b: Element) => Number(of(a, b));
    return computedTypes.has(type) || type === "bool" ? combined(task, 0, 1, compare, compare) : undefined;
  };

/** Of any number of integers; floats have signed zeros and NaN, which the runtime treats in its own way. */
const extreme =
  (isBetter: (a: Element, b: Element) => boolean): Kernel =>
  (task) => {
    if (task.type !== "int32" && task.type !== "int64") return undefined;
    const [result, ...others] = task.inputs.map((_, index) => broadcastTo(task, operand(task, index)));
    for (const other of others)
      for (let index = 0; index < other.length; index++)
        if (isBetter(other[index] as Element, result?.[index] as Element)) (result as Elements)[index] = other[index] as Element;
    return result;
  };

const logical =
  (of: (a: boolean, b: boolean) => boolean): Kernel =>
  (task) =>
    task.inputs.every((input) => input?.type === "bool")
      ? combined(
          task,
          0,
          1,
          (a, b) => Number(of(a !== 0, b !== 0)),
          () => undefined,
        )
      : undefined;

/** Of integers: with `fmod` 1 the sign of a, otherwise that of b, as in Python. */
const modulo: Kernel = (task) => {
  if (task.type !== "int32" && task.type !== "int64") return undefined;
  const isC = intAttribute(task.context.node, "fmod", 0) === 1;
  return combined(
    task,
    0,
    1,
    (a, b) => (b === 0 ? undefined : isC ? a % b : ((a % b) + b) % b),
    (a, b) => (b === 0n ? undefined : isC ? a % b : ((a % b) + b) % b),
  );
};

/** One float operand, rounded like the hardware's own operation; whole numbers pass where `ofBigints` says how. */
const unary =
  (ofNumbers: (a: number) => number, ofBigints?: (a: bigint) => bigint): Kernel =>
  (task) => {
    const { type, data } = operand(task, 0);
    if (type !== task.type || (!floatTypes.has(type) && !(ofBigints && (type === "int32" || type === "int64")))) return undefined;
    const compute = type === "int32" ? integral((a) => ofNumbers(a)) : ofNumbers;
    const result = task.allocate();
    for (let index = 0; index < result.length; index++) {
      const element = data[index] as Element;
      const computed = typeof element === "bigint" ? ofBigints?.(element) : compute(element as number, 0);
      if (computed === undefined) return undefined;
      result[index] = computed;
    }
    return result;
  };

/** To the even neighbour where two are as near. */
function roundHalfEven(a: number): number {
  const down = Math.floor(a);
  const rounded = a - down < 0.5 || (a - down === 0.5 && down % 2 === 0) ? down : down + 1;
  return rounded === 0 ? a * 0 : rounded;
}

const negated: Kernel = (task) => {
  const { type, data } = operand(task, 0);
  if (type !== "bool") return undefined;
  const result = task.allocate();
  for (let index = 0; index < result.length; index++) result[index] = data[index] === 0 ? 1 : 0;
  return result;
};

/** Between integers, bool, float32 and float64, where every element fits; other casts are left to the runtime. */
const cast: Kernel = (task) => {
  const { type: from, data } = operand(task, 0);
  const isKnown = (type: ElementType) => integerTypes.has(type) || floatTypes.has(type) || type === "bool";
  if (!isKnown(from) || !isKnown(task.type)) return undefined;
  const result = task.allocate();
  for (let index = 0; index < result.length; index++) {
    const element = data[index] as Element;
    const number = Number(element);
    if (from === task.type) {
      // The largest int64, by which slices mean "to the end", is no safe integer.
      result[index] = element;
      continue;
    }
    if (typeof element === "bigint" && !Number.isSafeInteger(number)) return undefined;
    if (task.type === "bool") result[index] = number === 0 ? 0 : 1;
    else if (floatTypes.has(task.type)) result[index] = number;
    else {
      const whole = Math.trunc(number);
      if (!Number.isSafeInteger(whole)) return undefined;
      result[index] = task.type === "int64" || task.type === "uint64" ? BigInt(whole) : whole;
      if (Number(result[index]) !== whole) return undefined;
    }
  }
  return result;
};

/** Integers only: in floating point the rounding depends on how the runtime adds up. */
const ranged: Kernel = (task) => {
  const [first, , stride] = [0, 1, 2].map((index) => operand(task, index).data[0]);
  if (task.type !== "int64" && task.type !== "int32") return undefined;
  const result = task.allocate();
  for (let index = 0; index < result.length; index++) {
    result[index] = typeof first === "bigint" ? first + BigInt(index) * (stride as bigint) : Number(first) + index * Number(stride);
  }
  return result;
};

/** Indices of the elements that are not zero, a row for each axis. */
const nonZero: Kernel = (task) => {
  const { shape, data } = operand(task, 0);
  const found = Array.from(data).flatMap((element, index) => (Number(element) === 0 ? [] : [index]));
  const result = task.allocate();
  const sizes = shape.length === 0 ? [1] : shape;
  let stride = 1;
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    found.forEach((index, place) => {
      result[axis * found.length + place] = BigInt(Math.floor(index / stride) % (sizes[axis] as number));
    });
    stride *= sizes[axis] as number;
  }
  return result;
};

const oneHot: Kernel = (task) => {
  const [indices, values] = [operand(task, 0), operand(task, 2)];
  const axis = intAttribute(task.context.node, "axis", -1);
  const at = axis < 0 ? axis + task.shape.length : axis;
  const depth = task.shape[at] as number;
  const block = task.shape.slice(at + 1).reduce((product, size) => product * size, 1);
  const result = task.allocate();
  for (let index = 0; index < result.length; index++) {
    const place = Math.floor(index / (block * depth)) * block + (index % block);
    const chosen = Number(indices.data[place]);
    const isHot = (chosen < 0 ? chosen + depth : chosen) === Math.floor(index / block) % depth;
    result[index] = values.data[Number(isHot)] as Element;
  }
  return result;
};

export const arithmeticKernels: Readonly<Record<string, Kernel>> = {
  Add: binary(
    (a, b) => a + b,
    (a, b) => a + b,
  ),
  Sub: binary(
    (a, b) => a - b,
    (a, b) => a - b,
  ),
  Mul: binary(
    (a, b) => a * b,
    (a, b) => a * b,
  ),
  Div: binary(
    (a, b) => a / b,
    (a, b) => (b === 0n ? undefined : a / b),
  ),
  Mod: modulo,
  Max: extreme((a, b) => a > b),
  Min: extreme((a, b) => a < b),
  Equal: comparison((a, b) => a === b),
  Less: comparison((a, b) => a < b),
  LessOrEqual: comparison((a, b) => a <= b),
  Greater: comparison((a, b) => a > b),
  GreaterOrEqual: comparison((a, b) => a >= b),
  And: logical((a, b) => a && b),
  Or: logical((a, b) => a || b),
  Xor: logical((a, b) => a !== b),
  Not: negated,
  Sqrt: unary(Math.sqrt),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Round: unary(roundHalfEven),
  Neg: unary(
    (a) => -a,
    (a) => -a,
  ),
  Abs: unary(Math.abs, (a) => (a < 0n ? -a : a)),
  Cast: cast,
  CastLike: cast,
  Range: ranged,
  NonZero: nonZero,
  OneHot: oneHot,
};
