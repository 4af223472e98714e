/**
 * Writes an airbench network whose first convolution whitens CIFAR-10's patches: `npx jiti examples/cifar10/whitened.ts DIRECTORY OUT.onnx`.
 * Its filters are ± the principal directions of the patches of 2 × 2 pixels, each divided by its deviation, so that what they give is
 * uncorrelated and of unit variance (Page, 2019; Jordan, 2024, arXiv:2404.00498). To be trained with `frozen: ["whiten.weight"]`.
 */
import { dirname } from "node:path";
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { evaluationBatches } from "../../src/data/batches.ts";
import { VALUES } from "../../src/data/inputs.ts";
import { openData } from "../../src/data/node/open-data.ts";
import { statisticsOf } from "../../src/data/normalize.ts";
import { parseData } from "../../src/distill/recipe/parse.ts";
import { writeOnnx } from "../../src/graph/onnx/write.ts";
import { type Float32Tensor, float32 } from "../../src/graph/tensor.ts";
import { airbench } from "../../src/nn/zoo/airbench.ts";
import { makeDirectory, writeAtomically } from "../../src/run/files.ts";
import { withWeights } from "../../src/train/trainable.ts";

const [directory = "data", out = "whitened.onnx"] = process.argv.slice(2);
const IMAGES = 5000;
const SIZE = 32;
const CHANNELS = 3;
const PATCH = CHANNELS * 2 * 2;
/** Beside the variance of a direction, for those of next to none. */
const EPSILON = 5e-4;

const { train } = await openData(parseData({ parquet: directory, size: SIZE }), { relativeTo: process.cwd() });
const normalization = await statisticsOf(train);
for await (const { inputs } of evaluationBatches(train, { batchSize: IMAGES, normalization })) {
  const network = airbench({ inputShape: [CHANNELS, SIZE, SIZE], classes: train.classes.length, seed: 0 });
  const weights = new Map([
    ["whiten.weight", whitening(inputs[VALUES] as Float32Tensor)],
    ["whiten.bias", float32(new Float32Array(2 * PATCH))],
  ]);
  await makeDirectory(dirname(out));
  await writeAtomically(out, writeOnnx(withWeights(network, weights)));
  break;
}

/** Filters [24, 3, 2, 2] by the patches of images [N, 3, H, W]. */
function whitening({ data, shape }: Float32Tensor): Float32Tensor {
  const { vectors, values } = principal(patchCovariance(data, shape[0] as number));
  const filters = values.flatMap((value, index) => vectors.getColumn(index).map((entry) => entry / Math.sqrt(value + EPSILON)));
  return float32([...filters, ...filters.map((entry) => -entry)], [2 * PATCH, CHANNELS, 2, 2]);
}

function principal(covariance: Matrix) {
  const { eigenvectorMatrix: vectors, realEigenvalues: values } = new EigenvalueDecomposition(covariance, { assumeSymmetric: true });
  return { vectors, values };
}

/** About zero, near which the mean of normalised images is. */
function patchCovariance(data: Float32Array, images: number): Matrix {
  const sums = Array.from({ length: PATCH }, () => new Float64Array(PATCH));
  const patch = new Float64Array(PATCH);
  for (let image = 0; image < images; image++) {
    for (let top = 0; top < SIZE - 1; top++) {
      for (let left = 0; left < SIZE - 1; left++) {
        for (let entry = 0; entry < PATCH; entry++) {
          const [channel, row, column] = [entry >> 2, top + ((entry >> 1) & 1), left + (entry & 1)];
          patch[entry] = data[((image * CHANNELS + channel) * SIZE + row) * SIZE + column] as number;
        }
        sums.forEach((row, one) => {
          patch.forEach((value, other) => {
            row[other] = (row[other] as number) + (patch[one] as number) * value;
          });
        });
      }
    }
  }
  return new Matrix(sums).div(images * (SIZE - 1) ** 2);
}
