import { intAttribute } from "../../attributes.ts";
import { reducedAxes } from "../../shapes/reduction.ts";
import { type Element, type Kernel, operand, plainNumbers, stridesOf, type Task } from "./task.ts";

/** For each element of x in turn, the place of the element of the result that it goes into. */
function* placesInResult(task: Task): Generator<number> {
  const { shape, data } = operand(task, 0);
  const axes = new Set(reducedAxes(task.context));
  const kept = stridesOf(shape.map((size, axis) => (axes.has(axis) ? 1 : size)));
  const strides = stridesOf(shape);
  for (let index = 0; index < data.length; index++) {
    yield shape.reduce((place, size, axis) => {
      const along = Math.floor(index / (strides[axis] as number)) % size;
      return place + (axes.has(axis) ? 0 : along * (kept[axis] as number));
    }, 0);
  }
}

/** Combines what goes into one element. Only for what gives the same in any order: whole numbers, and sizes. */
export const folded =
  (combine: (a: Element, b: Element) => Element | undefined, isTaken: (task: Task) => boolean): Kernel =>
  (task) => {
    const { data } = operand(task, 0);
    if (!isTaken(task) || data.length === 0) return undefined;
    const result = task.allocate();
    const isStarted = new Set<number>();
    let index = 0;
    for (const place of placesInResult(task)) {
      const element = data[index++] as Element;
      const combined = isStarted.has(place) ? combine(result[place] as Element, element) : element;
      if (combined === undefined) return undefined;
      isStarted.add(place);
      result[place] = combined;
    }
    return result;
  };

/** Sums up to and with each element; along one axis, the other way round with `reverse`, without the element itself with `exclusive`. */
export const cumulated =
  (combine: (a: Element, b: Element) => Element | undefined, isTaken: (task: Task) => boolean): Kernel =>
  (task) => {
    const { shape, data } = operand(task, 0);
    const [axis] = plainNumbers(task, 1) ?? [];
    if (!isTaken(task) || axis === undefined || intAttribute(task.context.node, "exclusive", 0) !== 0) return undefined;
    const at = axis < 0 ? axis + shape.length : axis;
    const [size, stride] = [shape[at], stridesOf(shape)[at]];
    if (size === undefined || stride === undefined) return undefined;
    const isReversed = intAttribute(task.context.node, "reverse", 0) === 1;
    const result = task.allocate();
    for (let step = 0; step < data.length; step++) {
      const index = isReversed ? data.length - 1 - step : step;
      const isFirst = Math.floor(index / stride) % size === (isReversed ? size - 1 : 0);
      const before = result[index + (isReversed ? stride : -stride)];
      const combined = isFirst ? (data[index] as Element) : combine(before as Element, data[index] as Element);
      if (combined === undefined) return undefined;
      result[index] = combined;
    }
    return result;
  };

const isInt64 = ({ type }: Task): boolean => type === "int64";
const ofBigints = (combine: (a: bigint, b: bigint) => bigint) => (a: Element, b: Element) => combine(a as bigint, b as bigint);

/** Of 64-bit integers, which wrap around just as the runtime's do. */
export const reductionKernels: Readonly<Record<string, Kernel>> = {
  ReduceSum: folded(
    ofBigints((a, b) => a + b),
    isInt64,
  ),
  ReduceProd: folded(
    ofBigints((a, b) => a * b),
    isInt64,
  ),
  ReduceMax: folded(
    ofBigints((a, b) => (a > b ? a : b)),
    isInt64,
  ),
  ReduceMin: folded(
    ofBigints((a, b) => (a < b ? a : b)),
    isInt64,
  ),
  CumSum: cumulated(
    ofBigints((a, b) => a + b),
    isInt64,
  ),
};
