import { intAttribute } from "../../attributes.ts";
import type { Dim } from "../../graph.ts";
import { sizesTaken } from "../../shapes/layout.ts";
import { required } from "../../shapes/rule.ts";
import { add, boundsOf, floorDivide, isSameSize, largest, multiply, smallest, subtract } from "../../shapes/symbolic.ts";
import { cumulated, folded } from "./reduction.ts";
import { broadcastTo, type Element, type Elements, type Kernel, operand, plainNumbers, type Task } from "./task.ts";

/*
 * Arithmetic on lists of sizes, symbolic ones among them. What the symbols' values would decide is left to the runtime.
 */

const isWholeType = ({ type }: Task): boolean => /^u?int/.test(type);
const always = (): boolean => true;
const whole = (element: Element | undefined): Dim | undefined =>
  typeof element === "string" || Number.isSafeInteger(element) ? (element as Dim) : undefined;

/** Two operands, broadcast. */
const binary =
  (of: (a: Dim, b: Dim, task: Task) => Dim | undefined): Kernel =>
  (task) => {
    const [left, right] = [broadcastTo(task, operand(task, 0)), broadcastTo(task, operand(task, 1))];
    return mapped(task, left, (element, index) => combine((a, b) => of(a, b, task))(element, right[index] as Element));
  };

const combine =
  (of: (a: Dim, b: Dim) => Dim | undefined) =>
  (left: Element, right: Element): Dim | undefined => {
    const [a, b] = [whole(left), whole(right)];
    return a === undefined || b === undefined ? undefined : of(a, b);
  };

const unary =
  (of: (a: Dim, task: Task) => Dim | undefined): Kernel =>
  (task) =>
    mapped(task, operand(task, 0).data, (element) => {
      const a = whole(element);
      return a === undefined ? undefined : of(a, task);
    });

function mapped(task: Task, elements: Elements, of: (element: Element, index: number) => Dim | undefined): Elements | undefined {
  const result = task.allocate();
  for (let index = 0; index < result.length; index++) {
    const computed = of(elements[index] as Element, index);
    if (computed === undefined) return undefined;
    result[index] = computed;
  }
  return result;
}

const variadic =
  (of: (a: Dim, b: Dim) => Dim): Kernel =>
  (task) => {
    let result: Elements | undefined;
    for (const index of task.inputs.keys()) {
      const next = broadcastTo(task, operand(task, index));
      const before = result;
      result = before ? mapped(task, before, (element, place) => combine(of)(element, next[place] as Element)) : next;
      if (!result) return undefined;
    }
    return result;
  };

/** Towards zero between integers, which is down for what can't be negative; between floats only where nothing is left over. */
function quotient(a: Dim, b: Dim, task: Task): Dim | undefined {
  if (boundsOf(b)[0] < 1) return undefined;
  const divided = floorDivide(a, b);
  const isExact = isSameSize(multiply(divided, b), a);
  return isExact || (isWholeType(task) && boundsOf(a)[0] >= 0) ? divided : undefined;
}

/** With the sign of the divisor, as in Python. */
function remainder(a: Dim, b: Dim): Dim | undefined {
  return boundsOf(b)[0] >= 1 ? subtract(a, multiply(floorDivide(a, b), b)) : undefined;
}

/** 1 or 0 where the difference of two sizes decides it whatever the symbols are. */
const comparison = (of: (least: number, most: number) => boolean | undefined): Kernel =>
  binary((a, b) => {
    const decided = of(...boundsOf(subtract(a, b)));
    return decided === undefined ? undefined : Number(decided);
  });

const isBelow = (least: number, most: number) => (most < 0 ? true : least >= 0 ? false : undefined);
const isAtMost = (least: number, most: number) => (most <= 0 ? true : least > 0 ? false : undefined);

function equals(a: Dim, b: Dim): number | undefined {
  if (isSameSize(a, b)) return 1;
  const [least, most] = boundsOf(subtract(a, b));
  return least > 0 || most < 0 ? 0 : undefined;
}

function cast(a: Dim, task: Task): Dim | undefined {
  if (task.type !== "bool") return a;
  const [least, most] = boundsOf(a);
  return least > 0 || most < 0 ? 1 : least === 0 && most === 0 ? 0 : undefined;
}

function magnitude(a: Dim): Dim | undefined {
  const [least, most] = boundsOf(a);
  return least >= 0 ? a : most <= 0 ? multiply(a, -1) : undefined;
}

const negation = (a: Dim): Dim | undefined => (typeof a === "number" ? Number(a === 0) : undefined);
const logical = (of: (a: number, b: number) => boolean): Kernel =>
  binary((a, b) => (typeof a === "number" && typeof b === "number" ? Number(of(a, b)) : undefined));

const range: Kernel = (task) => {
  const start = whole(operand(task, 0).data[0]);
  const [step] = plainNumbers(task, 2) ?? [];
  if (start === undefined || step === undefined) return undefined;
  return mapped(task, task.allocate(), (_, index) => add(start, step * index));
};

/** The shape of an input, whatever is in it. */
const shapeOf: Kernel = ({ context }) => [...sizesTaken(context)];
const sizeOf: Kernel = ({ context }) => [multiply(...required(context, 0).shape)];

export const sizeKernels: Readonly<Record<string, Kernel>> = {
  Shape: shapeOf,
  Size: sizeOf,
  Cast: unary(cast),
  CastLike: unary(cast),
  // Sizes are whole numbers, in floating point too.
  Floor: unary((a) => a),
  Ceil: unary((a) => a),
  Round: unary((a) => a),
  Neg: unary((a) => multiply(a, -1)),
  Abs: unary(magnitude),
  Add: binary((a, b) => add(a, b)),
  Sub: binary(subtract),
  Mul: binary((a, b) => multiply(a, b)),
  Div: binary(quotient),
  Mod: binary((a, b, task) => (intAttribute(task.context.node, "fmod", 0) === 0 ? remainder(a, b) : undefined)),
  Max: variadic(largest),
  Min: variadic(smallest),
  Sum: variadic(add),
  Equal: binary(equals),
  Less: comparison(isBelow),
  LessOrEqual: comparison(isAtMost),
  Greater: comparison((least, most) => isBelow(-most, -least)),
  GreaterOrEqual: comparison((least, most) => isAtMost(-most, -least)),
  Not: unary(negation),
  And: logical((a, b) => a !== 0 && b !== 0),
  Or: logical((a, b) => a !== 0 || b !== 0),
  Xor: logical((a, b) => (a !== 0) !== (b !== 0)),
  Range: range,
  ReduceSum: folded(combine(add), always),
  ReduceProd: folded(combine(multiply), always),
  ReduceMax: folded(combine(largest), always),
  ReduceMin: folded(combine(smallest), always),
  CumSum: cumulated(combine(add), always),
};
