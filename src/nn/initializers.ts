import { elementCount, type Float32Tensor, float32 } from "../graph/tensor.ts";
import type { Random } from "../random.ts";

/**
 * Draws the initial values of a weight.
 *
 * @param shape [outputs, inputs, ...kernel], the layout of linear and convolution weights.
 */
export type Initializer = (shape: readonly number[], random: Random) => Float32Tensor;

/** Inputs and outputs of one unit: the kernel's area times the channels. */
function fans(shape: readonly number[]): { in: number; out: number } {
  const [outputs = 1, inputs = 1, ...kernel] = shape;
  const area = elementCount(kernel);
  return { in: inputs * area, out: outputs * area };
}

/** Draws element by element. (A plain loop: Float32Array.from takes several times as long.) */
function drawn(shape: readonly number[], draw: () => number): Float32Tensor {
  const data = new Float32Array(elementCount(shape));
  for (let index = 0; index < data.length; index++) data[index] = draw();
  return float32(data, shape);
}

export const uniform =
  (bound: number): Initializer =>
  (shape, random) =>
    drawn(shape, () => bound * (2 * random.uniform() - 1));

export const normal =
  (std: number): Initializer =>
  (shape, random) =>
    drawn(shape, () => std * random.normal());

/** Normal, drawn again while beyond ±`bound` (absolute, as in PyTorch's `trunc_normal_`). */
export const truncatedNormal =
  (std: number, bound = 2): Initializer =>
  (shape, random) =>
    drawn(shape, () => {
      let value = std * random.normal();
      while (Math.abs(value) > bound) value = std * random.normal();
      return value;
    });

export const constantInit =
  (value: number): Initializer =>
  (shape) =>
    float32(new Float32Array(elementCount(shape)).fill(value), shape);

/** He et al., 2015 (arXiv:1502.01852): keeps the variance of ReLU activations. Normal, std √(2 / fan). */
export const kaimingNormal =
  (mode: "in" | "out" = "in"): Initializer =>
  (shape, random) =>
    normal(Math.sqrt(2 / fans(shape)[mode]))(shape, random);

/** He et al., 2015, uniform in ±√(6 / fan in). */
export const kaimingUniform = (): Initializer => (shape, random) => uniform(Math.sqrt(6 / fans(shape).in))(shape, random);

/** Glorot and Bengio, 2010: uniform in ±√(6 / (fan in + fan out)). */
export const xavierUniform = (): Initializer => (shape, random) => {
  const { in: inputs, out } = fans(shape);
  return uniform(Math.sqrt(6 / (inputs + out)))(shape, random);
};

/** Uniform in ±1/√(fan in): LeCun, 1998, and what PyTorch's linear and convolution layers start from. */
export const lecunUniform = (): Initializer => (shape, random) => uniform(1 / Math.sqrt(fans(shape).in))(shape, random);

/** Each channel to itself, as far as inputs and outputs go (Zagoruyko and Komodakis, 2017, arXiv:1706.00388); further filters start as PyTorch's. */
export const dirac = (): Initializer => (shape, random) => {
  const [outputs = 1, inputs = 1, ...kernel] = shape;
  const weight = lecunUniform()(shape, random);
  const area = elementCount(kernel);
  const own = Math.min(outputs, inputs);
  weight.data.fill(0, 0, own * inputs * area);
  const centre = kernel.reduce((at, size) => at * size + Math.floor(size / 2), 0);
  for (let channel = 0; channel < own; channel++) weight.data[(channel * inputs + channel) * area + centre] = 1;
  return weight;
};
