import { LimbeckError } from "../../errors.ts";
import { constantTensor } from "../attributes.ts";
import type { Dim } from "../graph.ts";
import type { ShapeContext, ValueType } from "../shapes/rule.ts";
import { type ElementType, elementCount, int64, isOpaque, type Tensor, type TensorData, zeros } from "../tensor.ts";
import { arithmeticKernels } from "./kernels/arithmetic.ts";
import { movementKernels } from "./kernels/movement.ts";
import { reductionKernels } from "./kernels/reduction.ts";
import { sizeKernels } from "./kernels/sizes.ts";
import { type Kernel, type Operand, operandOf, symbolicOperand, typedArray } from "./kernels/task.ts";

const constantKernels: Readonly<Record<string, Kernel>> = { ...movementKernels, ...arithmeticKernels, ...reductionKernels };
const symbolicKernels: Readonly<Record<string, Kernel>> = { ...movementKernels, ...sizeKernels };
/** Of how many inputs an operator takes elements; of the others it only takes the type or the shape. */
const elementInputs: Readonly<Record<string, number>> = { Shape: 0, Size: 0, CastLike: 1 };

/** Longer lists are no shapes. */
const MOST_SIZES = 2 ** 8;

/** The elements of an output, as far as they are known before the graph runs. */
export interface KnownElements {
  readonly constant?: Tensor;
  /** The elements, symbolic sizes among them. */
  readonly symbolic?: readonly Dim[];
}

/**
 * What a node gives, where its inputs are known or only their shapes are asked for: constants element for element as ONNX Runtime gives
 * them.
 *
 * @param outputs Their types and shapes, as inferred.
 * @param isWorth Whether to compute the elements of this output; called before its memory is taken.
 * @returns For each output what is known of it; nothing where this operator on these types is left to the runtime.
 */
export function evaluate(
  context: ShapeContext,
  outputs: readonly ValueType[],
  isWorth: (output: ValueType) => boolean,
): readonly KnownElements[] {
  const { node } = context;
  if (node.domain !== "") return outputs.map(() => ({}));
  return outputs.map((output, index): KnownElements => {
    const shape = output.shape.filter((size) => typeof size === "number");
    if (shape.length < output.shape.length || !isComputable(output.type)) return {};
    if (isWorth(output)) {
      const constant = node.op === "Constant" ? constantTensor(node) : constantOutput(context, outputs, index, shape);
      if (constant) return { constant };
    }
    const sizes = symbolicOutput(context, outputs, index, shape);
    const constant = sizes && isWorth(output) ? tensorOf(sizes, output.type, shape) : undefined;
    return constant ? { constant } : sizes ? { symbolic: sizes } : {};
  });
}

const isComputable = (type: ElementType): boolean => type !== "string" && !isOpaque(type);

function kernelOf(kernels: Readonly<Record<string, Kernel>>, op: string): Kernel | undefined {
  return Object.hasOwn(kernels, op) ? kernels[op] : undefined;
}

function constantOutput(context: ShapeContext, outputs: readonly ValueType[], index: number, shape: readonly number[]): Tensor | undefined {
  const kernel = kernelOf(constantKernels, context.node.op);
  const type = (outputs[index] as ValueType).type;
  if (!kernel) return undefined;
  const inputs = operands(context, (input) => {
    const constant = context.constant(input);
    return constant && isComputable(constant.type) ? operandOf(constant) : undefined;
  });
  if (!inputs) return undefined;
  // Nothing to compute, however long the other axes are.
  if (elementCount(shape) === 0) return zeros(type, shape);
  const allocate = (count = elementCount(shape), of = type) => typedArray(of, count);
  const data = kernel({ context, inputs, outputs, index, type, shape, allocate });
  return data && { type, shape, data: data as unknown as TensorData };
}

function symbolicOutput(
  context: ShapeContext,
  outputs: readonly ValueType[],
  index: number,
  shape: readonly number[],
): readonly Dim[] | undefined {
  const kernel = kernelOf(symbolicKernels, context.node.op);
  const type = (outputs[index] as ValueType).type;
  if (!kernel || elementCount(shape) > MOST_SIZES) return undefined;
  const inputs = operands(context, (input) => smallOperand(context, input));
  if (!inputs) return undefined;
  try {
    const data = kernel({
      context,
      inputs,
      outputs,
      index,
      type,
      shape,
      allocate: (count = elementCount(shape)) => new Array<Dim>(count).fill(0),
    });
    return data as readonly Dim[] | undefined;
  } catch (error) {
    // A size that can't be counted: whether it matters is for the rule that needs it to say.
    if (error instanceof LimbeckError) return undefined;
    throw error;
  }
}

/** The inputs of a node; `undefined` where one that is there is not known. */
function operands(context: ShapeContext, known: (index: number) => Operand | undefined): readonly (Operand | undefined)[] | undefined {
  const inputs = context.inputs.slice(0, elementInputs[context.node.op]);
  const found = inputs.map((input, index) => input && known(index));
  return found.every((operand, index) => operand || !inputs[index]) ? found : undefined;
}

function smallOperand(context: ShapeContext, index: number): Operand | undefined {
  const [constant, input] = [context.constant(index), context.inputs[index]];
  if (constant) {
    const isTaken = /^(u?int|bool|float(32|64)$)/.test(constant.type) && isComputable(constant.type) && constant.data.length <= MOST_SIZES;
    return isTaken ? symbolicOperand(constant.type, constant.shape, Array.from(constant.data as ArrayLike<number>, Number)) : undefined;
  }
  const symbolic = context.symbolic(index);
  return input && symbolic && symbolicOperand(input.type, input.shape as readonly number[], symbolic);
}

/** Sizes as a tensor, if none is symbolic and all can be told apart as numbers. */
function tensorOf(sizes: readonly Dim[], type: ElementType, shape: readonly number[]): Tensor | undefined {
  const isExact = (size: Dim): size is number => Number.isSafeInteger(size) || size === 2 ** 63;
  if (!sizes.every(isExact)) return undefined;
  if (type === "int64") return int64(sizes, shape);
  if (type === "uint64") return undefined;
  const data = typedArray(type, sizes.length);
  sizes.forEach((size, index) => {
    data[index] = size;
  });
  return sizes.every((size, index) => data[index] === size) ? { type, shape, data: data as unknown as TensorData } : undefined;
}
