import { constantTensor, intAttribute, intsAttribute, tensorAttribute } from "../attributes.ts";
import { sizesTaken, slicedAxes } from "../shapes/layout.ts";
import { normalizeAxis, type ShapeContext, type ValueType } from "../shapes/rule.ts";
import { arrayTypeOf, type ElementType, elementCount, int64, type Tensor, type TensorData } from "../tensor.ts";

type Element = number | bigint;
/** Typed arrays, seen as what they have in common. */
interface Elements {
  readonly length: number;
  [index: number]: Element;
  set(from: ArrayLike<Element>, offset?: number): void;
  subarray(begin: number, end: number): ArrayLike<Element>;
  fill(element: Element): unknown;
}

/** A result in the making, with the constants it is made from. */
interface Task {
  readonly context: ShapeContext;
  readonly inputs: readonly Tensor[];
  readonly type: ElementType;
  readonly shape: readonly number[];
}

/** Computes an operator, or returns `undefined` to leave it to the runtime. */
type Kernel = (task: Task) => TensorData | undefined;

/**
 * The output of a node whose inputs are all constants, element for element what ONNX Runtime gives.
 *
 * @param output Its type and shape, as inferred.
 * @returns `undefined` where an input is not constant, or this operator on these types is left to the runtime.
 */
export function evaluate(context: ShapeContext, output: ValueType): Tensor | undefined {
  const { node } = context;
  const shape = output.shape.filter((size) => typeof size === "number");
  if (node.domain !== "" || shape.length < output.shape.length) return undefined;
  if (node.op === "Constant") return constantTensor(node);
  if (node.op === "Shape") {
    const sizes = sizesTaken(context);
    return sizes.every((size) => typeof size === "number") ? int64(sizes) : undefined;
  }
  const kernel = Object.hasOwn(kernels, node.op) ? kernels[node.op] : undefined;
  const inputs = context.inputs.flatMap((input, index) => (input ? [context.constant(index)] : []));
  if (!kernel || !inputs.every((input) => input !== undefined && input.type !== "string")) return undefined;
  const data = kernel({ context, inputs: inputs as readonly Tensor[], type: output.type, shape });
  return data && { type: output.type, shape, data };
}

const elementsOf = (tensor: Tensor): Elements => tensor.data as unknown as Elements;

function allocate({ type, shape }: Pick<Task, "type" | "shape">): Elements {
  return new (arrayTypeOf(type as Exclude<ElementType, "string">))(elementCount(shape)) as unknown as Elements;
}

const asData = (elements: Elements): TensorData => elements as unknown as TensorData;

/** Row-major distances between neighbours along each axis. */
function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
}

/** Reads `source` along given strides: transposing, slicing and broadcasting are all of this form. */
function strided(source: Elements, shape: readonly number[], strides: readonly number[], start: number, target: Elements): Elements {
  const index = shape.map(() => 0);
  let from = start;
  for (let to = 0; to < target.length; to++) {
    target[to] = source[from] as Element;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      from -= (strides[axis] as number) * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return target;
}

/** A tensor's elements repeated to a larger shape. */
function broadcastTo(tensor: Tensor, shape: readonly number[]): Elements {
  const extra = shape.length - tensor.shape.length;
  const own = stridesOf(tensor.shape);
  const strides = shape.map((_, axis) => (axis < extra || tensor.shape[axis - extra] === 1 ? 0 : (own[axis - extra] as number)));
  return strided(elementsOf(tensor), shape, strides, 0, allocate({ type: tensor.type, shape }));
}

/** The same elements in another shape. */
const reshaped: Kernel = ({ inputs: [x] }) => x?.data;

const transposed: Kernel = (task) => {
  const x = task.inputs[0] as Tensor;
  const strides = stridesOf(x.shape);
  const order = intsAttribute(task.context.node, "perm") ?? x.shape.map((_, axis) => x.shape.length - 1 - axis);
  return asData(
    strided(
      elementsOf(x),
      task.shape,
      order.map((axis) => strides[axis] as number),
      0,
      allocate(task),
    ),
  );
};

const sliced: Kernel = (task) => {
  const x = task.inputs[0] as Tensor;
  const steps = stridesOf(x.shape);
  let start = 0;
  for (const slice of slicedAxes(task.context)) {
    start += slice.start * (steps[slice.axis] as number);
    steps[slice.axis] = (steps[slice.axis] as number) * slice.step;
  }
  return asData(strided(elementsOf(x), task.shape, steps, start, allocate(task)));
};

const gathered: Kernel = (task) => {
  const [x, indices] = task.inputs as [Tensor, Tensor];
  const axis = normalizeAxis(task.context, intAttribute(task.context.node, "axis", 0), x.shape.length);
  const size = x.shape[axis] as number;
  const chosen = Array.from(indices.data as ArrayLike<Element>, (index) => (Number(index) < 0 ? Number(index) + size : Number(index)));
  if (chosen.some((index) => index < 0 || index >= size)) return undefined;
  const [outer, block] = [elementCount(x.shape.slice(0, axis)), elementCount(x.shape.slice(axis + 1))];
  const result = allocate(task);
  let to = 0;
  for (let row = 0; row < outer; row++) {
    for (const index of chosen) {
      const from = (row * size + index) * block;
      result.set(elementsOf(x).subarray(from, from + block), to);
      to += block;
    }
  }
  return asData(result);
};

const concatenated: Kernel = (task) => {
  const axis = normalizeAxis(task.context, intAttribute(task.context.node, "axis", 0), task.shape.length);
  const result = allocate(task);
  let to = 0;
  for (let row = 0; row < elementCount(task.shape.slice(0, axis)); row++) {
    for (const part of task.inputs) {
      const block = elementCount(part.shape.slice(axis));
      result.set(elementsOf(part).subarray(row * block, (row + 1) * block), to);
      to += block;
    }
  }
  return asData(result);
};

const filled: Kernel = (task) => {
  const value = tensorAttribute(task.context.node, "value");
  if (value && value.data.length !== 1) return undefined;
  const result = allocate(task);
  if (value) result.fill(elementsOf(value)[0] as Element);
  return asData(result);
};

/** Integers only: in floating point the rounding depends on how the runtime adds up. */
const ranged: Kernel = (task) => {
  const [start, , step] = task.inputs as [Tensor, Tensor, Tensor];
  const [first, stride] = [elementsOf(start)[0] as Element, elementsOf(step)[0] as Element];
  if (task.type !== "int64" && task.type !== "int32") return undefined;
  const result = allocate(task);
  for (let index = 0; index < result.length; index++) {
    result[index] = typeof first === "bigint" ? first + BigInt(index) * (stride as bigint) : first + index * (stride as number);
  }
  return asData(result);
};

/** Not of floats: ONNX Runtime merges the two sides in a way that can lose the sign of a zero. */
const selected: Kernel = (task) => {
  if (!integerTypes.has(task.type) && task.type !== "bool") return undefined;
  const [condition, yes, no] = task.inputs.map((input) => broadcastTo(input, task.shape)) as [Elements, Elements, Elements];
  const result = allocate(task);
  for (let index = 0; index < result.length; index++) result[index] = (condition[index] ? yes : no)[index] as Element;
  return asData(result);
};

const computedTypes = new Set<ElementType>(["float32", "float64", "int32", "int64"]);

/** Two operands, broadcast. Storing the exact result of two floats into a typed array rounds it as the hardware does. */
const binary =
  (ofNumbers: (a: number, b: number) => number | undefined, ofBigints: (a: bigint, b: bigint) => Element | undefined): Kernel =>
  (task) => {
    const type = task.inputs[0]?.type as ElementType;
    if (!computedTypes.has(type)) return undefined;
    const [left, right] = task.inputs.map((input) => broadcastTo(input, task.shape)) as [Elements, Elements];
    const result = allocate(task);
    for (let index = 0; index < result.length; index++) {
      const [a, b] = [left[index] as Element, right[index] as Element];
      const element =
        typeof a === "bigint" ? ofBigints(a, b as bigint) : (type === "int32" ? integral(ofNumbers) : ofNumbers)(a, b as number);
      if (element === undefined) return undefined;
      result[index] = element;
    }
    return asData(result);
  };

/** In 32-bit integers: division cuts towards zero, and what doesn't fit is left to the runtime. */
const integral =
  (of: (a: number, b: number) => number | undefined) =>
  (a: number, b: number): number | undefined => {
    const exact = of(a, b);
    const whole = exact === undefined ? undefined : Math.trunc(exact);
    return whole === undefined || whole !== (whole | 0) ? undefined : whole | 0;
  };

/** One float operand, rounded like the hardware's own operation. */
const unary =
  (of: (a: number) => number): Kernel =>
  ({ inputs }) => {
    const x = inputs[0] as Tensor;
    return floatTypes.has(x.type) ? (x.data as Float32Array).map(of) : undefined;
  };

const floatTypes = new Set<ElementType>(["float32", "float64"]);
const integerTypes = new Set<ElementType>(["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]);

/** Between integers, bool, float32 and float64, where every element fits; other casts are left to the runtime. */
const cast: Kernel = (task) => {
  const from = (task.inputs[0] as Tensor).type;
  const isKnown = (type: ElementType) => integerTypes.has(type) || floatTypes.has(type) || type === "bool";
  if (!isKnown(from) || !isKnown(task.type)) return undefined;
  const source = elementsOf(task.inputs[0] as Tensor);
  const result = allocate(task);
  for (let index = 0; index < result.length; index++) {
    const element = source[index] as Element;
    const number = Number(element);
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
  return asData(result);
};

const kernels: Readonly<Record<string, Kernel>> = {
  Identity: reshaped,
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Transpose: transposed,
  Slice: sliced,
  Gather: gathered,
  Concat: concatenated,
  Expand: (task) => asData(broadcastTo(task.inputs[0] as Tensor, task.shape)),
  ConstantOfShape: filled,
  Range: ranged,
  Where: selected,
  Cast: cast,
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
  Equal: binary(
    (a, b) => Number(a === b),
    (a, b) => Number(a === b),
  ),
  Sqrt: unary(Math.sqrt),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Neg: unary((a) => -a),
};
