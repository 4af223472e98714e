import { describe, expect, test } from "vitest";
import { LimbeckError } from "../../errors.ts";
import { int, ints, string } from "../attributes.ts";
import { graphBuilder } from "../builder/builder.ts";
import type { Attributes, Shape, Value } from "../graph.ts";
import { float32, int64 } from "../tensor.ts";

const g = graphBuilder("shapes");
const x = (...shape: Shape): Value => g.input(g.unique("x"), "float32", shape);
const ids = (...shape: Shape): Value => g.input(g.unique("ids"), "int64", shape);
const emit = (op: string, inputs: readonly (Value | undefined)[], options: Attributes | string = {}): Value =>
  g.emit(op, inputs, typeof options === "string" ? { name: options } : { attributes: options })[0] as Value;
/** A list of sizes of `like`, by axis, and of other numbers, as exporters put it together. */
const sizesOf = (like: Value, axes: readonly number[]): Value =>
  g.concat(
    axes.map((axis) =>
      axis >= 0 && axis < like.shape.length ? emit("Shape", [like], { start: int(axis), end: int(axis + 1) }) : g.constant(int64([axis])),
    ),
    0,
  );

describe("symbolic sizes", () => {
  test.each<[string, () => Value, Shape]>([
    ["broadcast", () => g.add(x("N", 1, 4), x(3, 1)), ["N", 3, 4]],
    ["matrix product", () => g.matMul(x("N", 2, 3), x(3, 5)), ["N", 2, 5]],
    ["Gemm", () => g.gemm(x("N", 3), x(5, 3), x(5), { transposeB: true }), ["N", 5]],
    ["convolution", () => g.conv(x("N", 3, 8, "W"), x(4, 3, 3, 3), undefined, { stride: 2, padding: 1 }), ["N", 4, 4, "floor((W+1)/2)"]],
    ["convolution that keeps the size", () => g.conv(x("N", 3, "H", "W"), x(4, 3, 3, 3), undefined, { padding: 1 }), ["N", 4, "H", "W"]],
    [
      "convolution with auto_pad",
      () => emit("Conv", [x("N", 3, "H", "W"), x(4, 3, 3, 3)], { auto_pad: string("SAME_UPPER") }),
      ["N", 4, "H", "W"],
    ],
    [
      "strided convolution with auto_pad",
      () => emit("Conv", [x("N", 3, "H", 5), x(4, 3, 3, 3)], { auto_pad: string("SAME_LOWER"), strides: ints([2, 2]) }),
      ["N", 4, "floor((H+1)/2)", 3],
    ],
    ["flatten", () => g.flatten(x("N", 3, 4)), ["N", 12]],
    ["flatten of two", () => g.flatten(x("N", 3, "S"), 2), ["3*N", "S"]],
    ["reshape to what is left", () => g.reshape(x("N", 3, 4), ["N", 12]), ["N", 12]],
    ["reshape that multiplies", () => g.reshape(x("N", 3, 4), [-1, 4]), ["3*N", 4]],
    ["reshape that copies", () => g.reshape(x("N", 3, 4), [0, -1]), ["N", 12]],
    ["reshape of heads", () => emit("Reshape", [x("N", 12, "S", 64), sizesOf(x("N", 12, "S", 64), [0, 2, -1])]), ["N", "S", 768]],
    ["reshape by sums", () => emit("Reshape", [x("N", "S+1", 8), sizesOf(x("N", "1 + S", 8), [1, -1])]), ["1 + S", "8*N"]],
    ["reshape to sizes of the data", () => emit("Reshape", [x("N", 4), ids(3)], "data"), ["data_dim_0", "data_dim_1", "data_dim_2"]],
    ["expand", () => emit("Expand", [x(1, 4), sizesOf(x("N", "S"), [0, 1, 4])]), ["N", "S", 4]],
    ["two symbols that meet", () => g.add(x("N", 1), x("M", 3)), ["N", 3]],
    ["a symbol and a number that meet", () => g.add(x("N", 1), x(5, 3)), [5, 3]],
    ["slice of the middle", () => g.slice(x("S"), [{ axis: 0, start: 1, end: -1 }]), ["max(0,S-2)"]],
    ["slice backwards", () => g.slice(x("S"), [{ axis: 0, start: -1, end: -(2 ** 62), step: -1 }]), ["S"]],
    [
      "slice of a stored list",
      () => emit("Slice", [x(1, 512), g.constant(int64([0])), sizesOf(x("S"), [0]), g.constant(int64([1]))]),
      [1, "min(512,S)"],
    ],
    ["halves", () => g.emit("Split", [x("S")], { outputs: 2, attributes: { num_outputs: int(2) } })[1] as Value, ["floor(S/2)"]],
    ["resize", () => emit("Resize", [x("N", "H"), undefined, g.constant(float32([1, 0.5]))]), ["N", "floor(H/2)"]],
    ["concat", () => g.concat([x("N", 2), x("N", 3)], 1), ["N", 5]],
    ["concat along the open axis", () => g.concat([x("N", 2), x("M", 2)], 0), ["M+N", 2]],
    ["pad", () => g.pad(x("N", 2), [1, 0, 0, 3]), ["N+1", 5]],
    ["tile", () => g.tile(x("N", 2), [3, 2]), ["3*N", 4]],
    [
      "slice to the end",
      () =>
        g.slice(x("N", 5), [
          { axis: 0, start: 0, end: 2 ** 63 },
          { axis: 1, start: 1, end: 2 ** 63 },
        ]),
      ["N", 4],
    ],
    ["gather", () => g.gather(x(10, 4), ids("N", "S"), 0), ["N", "S", 4]],
    ["sum", () => g.reduceSum(x("N", 3), { axes: [-1] }), ["N"]],
    ["range of an open length", () => g.emit("Range", [ids(), ids(), ids()], { name: "positions" })[0] as Value, ["positions_dim_0"]],
  ])("%s", (_, make, shape) => {
    expect(make().shape).toEqual(shape);
  });
});

describe("what doesn't fit is refused, naming node, reason and shapes", () => {
  test.each<[string, () => unknown, string]>([
    ["broadcast", () => g.add(x(2), x(3)), "the shapes do not broadcast (x"],
    ["types", () => g.add(x(2), ids(2)), "the element types differ"],
    ["condition", () => g.where(x(2), x(2), x(2)), "the condition must be bool"],
    ["rows", () => g.matMul(x(2, 3), x(2, 3)), "3 columns meet 2 rows"],
    ["scalar product", () => g.matMul(x(), x(2)), "a scalar has no matrix product"],
    ["Gemm of vectors", () => g.gemm(x(2), x(2, 2)), "it multiplies matrices only"],
    ["Gemm bias", () => g.gemm(x(2, 3), x(3, 4), x(3)), "the bias does not broadcast to the product"],
    ["channels", () => g.conv(x(1, 3, 4, 4), x(8, 4, 3, 3)), "3 input channels do not fit a weight of 4 channels × 1 groups"],
    ["filters", () => g.conv(x(1, 4, 4, 4), x(3, 2, 3, 3), undefined, { group: 2 }), "3 filters do not divide into 2 groups"],
    ["convolution bias", () => g.conv(x(1, 3, 4, 4), x(8, 3, 3, 3), x(4)), "the bias must have 8 elements"],
    ["window", () => g.maxPool(x(1, 3, 2, 2), [3, 3]), "the window is larger than the padded input along spatial axis 0"],
    ["kernel", () => g.averagePool(x(1, 3, 4, 4), [2]), "kernel_shape must have one entry per spatial axis"],
    [
      "strides",
      () => g.conv(x(1, 3, 4, 4), x(8, 3, 3, 3), undefined, { stride: [1] }),
      "must have one entry (pads: two) for each of 2 spatial axes",
    ],
    ["stride 0", () => g.maxPool(x(1, 3, 4, 4), [2, 2], { stride: 0 }), "must have one entry"],
    ["axis", () => g.reduceSum(x(2, 3), { axes: [2] }), "axis 2 is out of range for rank 2"],
    ["batch norm", () => g.batchNormalization(x(1, 3), x(2), x(2), x(2), x(2)), "one entry per channel"],
    ["reshape", () => g.reshape(x(2, 3), [4, 2]), "[4, 2] holds another number of elements"],
    ["reshape to what doesn't divide", () => g.reshape(x(2, 3), [4, -1]), "[4, -1] does not divide the elements"],
    ["reshape with two open sizes", () => g.reshape(x("N", "M", 3), ["N", "M", 3]), "at most one size may be left open"],
    ["transpose", () => g.transpose(x(2, 3), [0, 2]), "[0, 2] is no order of the axes"],
    ["flatten", () => g.flatten(x(2, 3), 3), "axis 3 is out of range for rank 2"],
    ["squeeze", () => g.squeeze(x(2, 3), [0]), "axis 0 has size 2, not 1"],
    ["unsqueeze", () => g.unsqueeze(x(2), [0, 0]), "[0, 0] names an axis twice"],
    ["concat", () => g.concat([x(2, 3), x(3, 3)], 1), "the shapes differ elsewhere than along axis 1"],
    ["concat of types", () => g.concat([x(2), ids(2)], 0), "the element types differ"],
    ["split", () => g.split(x(5), [2, 2], 0), "the parts [2, 2] do not add up to 5"],
    ["slice by nothing", () => g.slice(x(4), [{ axis: 0, start: 1, end: 3, step: 0 }]), "a step is 0"],
    ["pad", () => g.pad(x(2), [-2, -1]), "axis 0 would have a negative size"],
    ["tile", () => g.tile(x(2, 2), [2]), "one number of repeats per axis"],
    ["expand", () => g.expand(x(2), [3]), "the shapes do not broadcast"],
    ["unknown target", () => emit("Reshape", [x(4), ids("R")]), "input 1 must be a constant, or a list of known length"],
    ["missing input", () => emit("Add", [x(1)]), "input 1 is missing"],
    ["input too many", () => emit("Add", [x(1), x(1), x(1)]), "it takes two inputs"],
    ["attribute", () => emit("Flatten", [x(1, 1)], { axis: ints([1]) }), 'Attribute "axis" should be of kind int, not ints'],
    ["range", () => emit("Range", [g.constant(int64([0], [])), g.constant(int64([1], [])), g.constant(int64([0], []))]), "its step is 0"],
    ["cast", () => emit("Cast", [x(1)], { to: int(99) }), "Element type number 99 is not supported"],
  ])("%s", (_, make, reason) => {
    expect(make).toThrow(LimbeckError);
    expect(make).toThrow(reason);
  });
});
