import { float, int } from "../attributes.ts";
import type { Value } from "../graph.ts";
import { codeOfElementType } from "../onnx/element-types.ts";
import { type ElementType, int64 } from "../tensor.ts";
import type { Emitter, Operand } from "./emitter.ts";

/**
 * A scalar of the other operand's rank where that ends in axes of size 1: ONNX Runtime 1.30's CPU broadcasts a scalar of lower rank over
 * those element by element, in forty times the time.
 */
function ranked(emitter: Emitter, scalar: Value, { shape }: Value): Value {
  if (scalar.shape.length > 0 || shape.length < 2 || shape.at(-1) !== 1) return scalar;
  const ones = emitter.constant(int64(shape.map(() => 1)));
  return only(emitter.emit("Reshape", [scalar, ones]));
}

/** Operators that work element by element, broadcasting as in NumPy. */
export function elementwiseOperators(emitter: Emitter) {
  const unary =
    (op: string) =>
    (x: Value): Value =>
      only(emitter.emit(op, [x]));
  const binary =
    (op: string) =>
    (a: Operand, b: Operand): Value => {
      const type = typeof a === "number" ? (typeof b === "number" ? "float32" : b.type) : a.type;
      const value = (operand: Operand) => (typeof operand === "number" ? emitter.scalar(operand, type) : operand);
      const [left, right] = [value(a), value(b)];
      return only(emitter.emit(op, [ranked(emitter, left, right), ranked(emitter, right, left)]));
    };
  return {
    add: binary("Add"),
    sub: binary("Sub"),
    mul: binary("Mul"),
    div: binary("Div"),
    pow: binary("Pow"),
    max: binary("Max"),
    min: binary("Min"),
    equal: binary("Equal"),
    less: binary("Less"),
    lessOrEqual: binary("LessOrEqual"),
    greater: binary("Greater"),
    greaterOrEqual: binary("GreaterOrEqual"),
    and: binary("And"),
    or: binary("Or"),
    not: unary("Not"),
    neg: unary("Neg"),
    abs: unary("Abs"),
    sign: unary("Sign"),
    exp: unary("Exp"),
    log: unary("Log"),
    sqrt: unary("Sqrt"),
    reciprocal: unary("Reciprocal"),
    erf: unary("Erf"),
    sin: unary("Sin"),
    cos: unary("Cos"),
    tanh: unary("Tanh"),
    sigmoid: unary("Sigmoid"),
    softplus: unary("Softplus"),
    relu: unary("Relu"),
    hardSwish: unary("HardSwish"),
    identity: unary("Identity"),
    leakyRelu: (x: Value, alpha = 0.01): Value => only(emitter.emit("LeakyRelu", [x], { attributes: { alpha: float(alpha) } })),
    /** Hendrycks and Gimpel, 2016 (arXiv:1606.08415), exact form. */
    gelu: (x: Value): Value => only(emitter.emit("Gelu", [x])),
    clip: (x: Value, low?: Operand, high?: Operand): Value => {
      const bound = (operand: Operand | undefined) => (typeof operand === "number" ? emitter.scalar(operand, x.type) : operand);
      return only(emitter.emit("Clip", [x, bound(low), bound(high)]));
    },
    where: (condition: Value, yes: Operand, no: Operand): Value => {
      const type = typeof yes === "number" ? (typeof no === "number" ? "float32" : no.type) : yes.type;
      const value = (operand: Operand) => (typeof operand === "number" ? emitter.scalar(operand, type) : operand);
      return only(emitter.emit("Where", [condition, value(yes), value(no)]));
    },
    cast: (x: Value, type: ElementType): Value =>
      x.type === type ? x : only(emitter.emit("Cast", [x], { attributes: { to: int(codeOfElementType(type)) } })),
    /** The sum of any number of tensors. */
    sum: (...terms: readonly Value[]): Value =>
      terms.length === 1 ? (terms[0] as Value) : only(emitter.emit(terms.length === 2 ? "Add" : "Sum", terms)),
    softmax: (x: Value, axis = -1): Value => only(emitter.emit("Softmax", [x], { attributes: { axis: int(axis) } })),
    logSoftmax: (x: Value, axis = -1): Value => only(emitter.emit("LogSoftmax", [x], { attributes: { axis: int(axis) } })),
    /** Zeroes elements with probability `ratio` and scales the rest; the identity until the graph is made trainable. */
    dropout: (x: Value, ratio: number): Value => only(emitter.emit("Dropout", [x, emitter.scalar(ratio)])),
  };
}

/** The one output of a node that has one. */
export function only(outputs: readonly Value[]): Value {
  return outputs[0] as Value;
}
