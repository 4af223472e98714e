import { intAttribute, intsAttribute, stringAttribute, tensorAttribute } from "../../attributes.ts";
import { normalizeAxis } from "../../shapes/rule.ts";
import { slicedAxes } from "../../shapes/slice.ts";
import { elementCount } from "../../tensor.ts";
import { broadcastTo, copyStrided, type Element, type Elements, type Kernel, operand, plainNumbers, stridesOf, type Task } from "./task.ts";

/*
 * Operators that move elements without computing on them: the same for tensors and for lists of symbolic sizes.
 */

/** The same elements in another shape. */
const reshaped: Kernel = (task) => operand(task, 0).data;

/** Reads the first input along given strides. */
function read(task: Task, strides: readonly number[], start = 0, shape = task.shape): Elements {
  return copyStrided(shape, { data: operand(task, 0).data, strides, start }, { data: task.allocate(), strides: stridesOf(shape) });
}

const transposed: Kernel = (task) => {
  const { shape } = operand(task, 0);
  const strides = stridesOf(shape);
  const order = intsAttribute(task.context.node, "perm") ?? shape.map((_, axis) => shape.length - 1 - axis);
  return read(
    task,
    order.map((axis) => strides[axis] as number),
  );
};

const sliced: Kernel = (task) => {
  const strides = stridesOf(operand(task, 0).shape);
  let first = 0;
  for (const { axis, start, step } of slicedAxes(task.context)) {
    if (typeof start !== "number") return undefined;
    first += start * (strides[axis] as number);
    strides[axis] = (strides[axis] as number) * step;
  }
  return read(task, strides, first);
};

const tiled: Kernel = (task) => {
  const repeats = plainNumbers(task, 1);
  const { shape } = operand(task, 0);
  const strides = stridesOf(shape);
  return (
    repeats &&
    read(
      task,
      strides.flatMap((stride) => [0, stride]),
      0,
      shape.flatMap((size, axis) => [repeats[axis] as number, size]),
    )
  );
};

const padded: Kernel = (task) => {
  if (stringAttribute(task.context.node, "mode", "constant") !== "constant") return undefined;
  const { shape, data } = operand(task, 0);
  const pads = plainNumbers(task, 1);
  const axes = (task.inputs[3] ? plainNumbers(task, 3) : shape.map((_, axis) => axis))?.map((axis) =>
    normalizeAxis(task.context, axis, shape.length),
  );
  if (!pads || !axes || pads.some((pad) => pad < 0)) return undefined;
  const strides = stridesOf(task.shape);
  const start = axes.reduce((sum, axis, index) => sum + (pads[index] as number) * (strides[axis] as number), 0);
  const target = filledWith(task, task.inputs[2]?.data[0]);
  return copyStrided(shape, { data, strides: stridesOf(shape) }, { data: target, strides, start });
};

function filledWith(task: Task, element: Element | undefined): Elements {
  const result = task.allocate();
  if (element !== undefined) for (let index = 0; index < result.length; index++) result[index] = element;
  return result;
}

const filled: Kernel = (task) => {
  const value = tensorAttribute(task.context.node, "value");
  if (value && value.data.length !== 1) return undefined;
  return filledWith(task, value?.data[0]);
};

const concatenated: Kernel = (task) => {
  const axis = normalizeAxis(task.context, intAttribute(task.context.node, "axis", 0), task.shape.length);
  const strides = stridesOf(task.shape);
  const result = task.allocate();
  let start = 0;
  for (const part of task.inputs) {
    if (!part) return undefined;
    copyStrided(part.shape, { data: part.data, strides: stridesOf(part.shape) }, { data: result, strides, start });
    start += (part.shape[axis] as number) * (strides[axis] as number);
  }
  return result;
};

const split: Kernel = (task) => {
  const { shape } = operand(task, 0);
  const axis = normalizeAxis(task.context, intAttribute(task.context.node, "axis", 0), shape.length);
  const before = task.outputs.slice(0, task.index).reduce((sum, output) => sum + Number(output.shape[axis]), 0);
  const strides = stridesOf(shape);
  return Number.isNaN(before) ? undefined : read(task, strides, before * (strides[axis] as number));
};

/** Indices counted from the start; `undefined` where one is symbolic or beyond the size. */
function indicesInto(task: Task, input: number, size: number): readonly number[] | undefined {
  const indices = plainNumbers(task, input)?.map((index) => (index < 0 ? index + size : index));
  return indices?.every((index) => index >= 0 && index < size) ? indices : undefined;
}

const gathered: Kernel = (task) => {
  const { shape, data } = operand(task, 0);
  const axis = normalizeAxis(task.context, intAttribute(task.context.node, "axis", 0), shape.length);
  const chosen = indicesInto(task, 1, shape[axis] as number);
  const [outer, block] = [elementCount(shape.slice(0, axis)), elementCount(shape.slice(axis + 1))];
  const result = task.allocate();
  if (!chosen) return undefined;
  let to = 0;
  for (let row = 0; row < outer; row++) {
    for (const index of chosen) {
      const from = (row * (shape[axis] as number) + index) * block;
      for (let offset = 0; offset < block; offset++) result[to++] = data[from + offset] as Element;
    }
  }
  return result;
};

/** Where element [i, j, ...] of indices points to along an axis of x, for each in turn; `undefined` where one is beyond it. */
function placesAlong(task: Task): readonly number[] | undefined {
  const [{ shape }, indices] = [operand(task, 0), operand(task, 1)];
  const axis = normalizeAxis(task.context, intAttribute(task.context.node, "axis", 0), shape.length);
  const chosen = indicesInto(task, 1, shape[axis] as number);
  const [from, to] = [stridesOf(indices.shape), stridesOf(shape)];
  return chosen?.map((index, position) =>
    to.reduce((sum, stride, other) => {
      const along = Math.floor(position / (from[other] as number)) % (indices.shape[other] as number);
      return sum + stride * (other === axis ? index : along);
    }, 0),
  );
}

const gatheredElements: Kernel = (task) => {
  const { data } = operand(task, 0);
  const result = task.allocate();
  const places = placesAlong(task);
  places?.forEach((place, index) => {
    result[index] = data[place] as Element;
  });
  return places && result;
};

const scatteredElements: Kernel = (task) => {
  if (stringAttribute(task.context.node, "reduction", "none") !== "none") return undefined;
  const [x, updates] = [operand(task, 0), operand(task, 2)];
  const places = placesAlong(task);
  const result = copyOf(task, x.data);
  places?.forEach((place, index) => {
    result[place] = updates.data[index] as Element;
  });
  return places && result;
};

function copyOf(task: Task, data: Elements): Elements {
  const result = task.allocate();
  for (let index = 0; index < data.length; index++) result[index] = data[index] as Element;
  return result;
}

/** Where each row of indices [..., k] points to in the first k axes of x; `undefined` where one is beyond them. */
function placesOfRows(task: Task): { readonly places: readonly number[]; readonly block: number } | undefined {
  const [{ shape }, indices] = [operand(task, 0), operand(task, 1)];
  const numbers = plainNumbers(task, 1);
  const depth = indices.shape.at(-1) as number;
  const strides = stridesOf(shape);
  if (!numbers || depth === 0 || intAttribute(task.context.node, "batch_dims", 0) !== 0) return undefined;
  const places = Array.from({ length: numbers.length / depth }, (_, row) => {
    const along = shape.slice(0, depth).map((size, axis) => {
      const index = numbers[row * depth + axis] as number;
      const fromStart = index < 0 ? index + size : index;
      return fromStart >= 0 && fromStart < size ? fromStart * (strides[axis] as number) : Number.NaN;
    });
    return along.reduce((sum, offset) => sum + offset, 0);
  });
  return places.some(Number.isNaN) ? undefined : { places, block: elementCount(shape.slice(depth)) };
}

const gatheredRows: Kernel = (task) => {
  const { data } = operand(task, 0);
  const rows = placesOfRows(task);
  const result = task.allocate();
  rows?.places.forEach((place, row) => {
    for (let offset = 0; offset < rows.block; offset++) result[row * rows.block + offset] = data[place + offset] as Element;
  });
  return rows && result;
};

const scatteredRows: Kernel = (task) => {
  if (stringAttribute(task.context.node, "reduction", "none") !== "none") return undefined;
  const [x, updates] = [operand(task, 0), operand(task, 2)];
  const rows = placesOfRows(task);
  const result = copyOf(task, x.data);
  rows?.places.forEach((place, row) => {
    for (let offset = 0; offset < rows.block; offset++) result[place + offset] = updates.data[row * rows.block + offset] as Element;
  });
  return rows && result;
};

/** Zeros below or above a diagonal of matrices. */
const triangle: Kernel = (task) => {
  const { data } = operand(task, 0);
  const [diagonal = task.inputs[1] ? undefined : 0] = plainNumbers(task, 1) ?? [];
  if (diagonal === undefined) return undefined;
  const [rows, columns] = task.shape.slice(-2) as [number, number];
  const isUpper = intAttribute(task.context.node, "upper", 1) === 1;
  const result = task.allocate();
  for (let index = 0; index < result.length; index++) {
    const distance = (index % columns) - (Math.floor(index / columns) % rows);
    if (isUpper ? distance >= diagonal : distance <= diagonal) result[index] = data[index] as Element;
  }
  return result;
};

/** Not of floats: ONNX Runtime merges the two sides in a way that can lose the sign of a zero. */
const selected: Kernel = (task) => {
  const condition = plainNumbers(task, 0);
  const isWhole = /^u?int|^bool/.test(task.type);
  if (!condition || !isWhole) return undefined;
  const [choice, yes, no] = [0, 1, 2].map((index) => broadcastTo(task, operand(task, index))) as [Elements, Elements, Elements];
  const result = task.allocate();
  for (let index = 0; index < result.length; index++) result[index] = (Number(choice[index]) === 0 ? no : yes)[index] as Element;
  return result;
};

export const movementKernels: Readonly<Record<string, Kernel>> = {
  Identity: reshaped,
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Transpose: transposed,
  Slice: sliced,
  Tile: tiled,
  Pad: padded,
  Expand: (task) => broadcastTo(task, operand(task, 0)),
  ConstantOfShape: filled,
  Concat: concatenated,
  Split: split,
  Gather: gathered,
  GatherElements: gatheredElements,
  GatherND: gatheredRows,
  ScatterElements: scatteredElements,
  ScatterND: scatteredRows,
  Trilu: triangle,
  Where: selected,
};
