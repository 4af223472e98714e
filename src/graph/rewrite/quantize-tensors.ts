import { elementCount, type Float32Tensor, float32, int32, type Tensor } from "../tensor.ts";

/** The smallest and the largest number that a value was seen to hold. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** x ≈ (q − zero point)·scale. */
export interface Quantization {
  readonly scale: Tensor;
  readonly zeroPoint: Tensor;
}

/** How numbers of a range are held in uint8. 0 is held exactly, so that padding and what ReLU cuts off are. */
export function uint8Of({ min, max }: Range): Quantization {
  const [low, high] = [Math.min(min, 0), Math.max(max, 0)];
  const scale = Math.fround((high - low) / 255) || 1;
  return {
    scale: float32([scale], []),
    zeroPoint: { type: "uint8", shape: [], data: Uint8Array.of(Math.min(255, Math.round(-low / scale))) },
  };
}

/** int8 numbers whose value is number·scale, with a scale for each place along an axis. */
export interface QuantizedWeight extends Quantization {
  readonly values: Tensor;
}

/**
 * A weight in int8, symmetric: scale = largest magnitude / 127 for each place along an axis.
 *
 * @param smallest A scale that none may fall below, for each place; 0 unless given.
 */
export function int8Of(weight: Float32Tensor, axis: number, smallest: (place: number) => number = () => 0): QuantizedWeight {
  const places = weight.shape[axis] as number;
  const inner = elementCount(weight.shape.slice(axis + 1));
  const placeOf = (index: number): number => Math.floor(index / inner) % places;
  const largest = new Float32Array(places);
  weight.data.forEach((value, index) => {
    const place = placeOf(index);
    largest[place] = Math.max(largest[place] as number, Math.abs(value));
  });
  const scales = largest.map((magnitude, place) => Math.max(magnitude / 127, smallest(place)) || 1);
  const data = Int8Array.from(weight.data, (value, index) => {
    return Math.max(-127, Math.min(127, Math.round(value / (scales[placeOf(index)] as number))));
  });
  return {
    values: { type: "int8", shape: weight.shape, data },
    scale: float32(scales),
    zeroPoint: { type: "int8", shape: [places], data: new Int8Array(places) },
  };
}

/** A bias in int32, in the steps that sums of products of quantised numbers have: scale of the input · scale of the weight. */
export function int32Of(
  bias: Float32Tensor,
  input: Quantization,
  weight: Quantization,
): { readonly values: Tensor; readonly scale: Tensor } {
  const step = Number(input.scale.data[0]);
  const scales = Float32Array.from(weight.scale.data as Float32Array, (scale) => scale * step);
  return { values: int32(bias.data.map((value, place) => Math.round(value / (scales[place] as number)))), scale: float32(scales) };
}
