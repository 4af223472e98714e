import { readFileSync } from "node:fs";
import type { Reference } from "../scripts/golden/reference.ts";
import { readSafetensors } from "../src/nn/safetensors.ts";

/** A model as scripts/golden/models.py writes it, with what PyTorch computes for it. */
export interface GoldenModel {
  readonly name: string;
  /** How it was exported: `TorchScript, opset 13`. */
  readonly exporter: string;
  readonly learningRate: number;
  readonly onnx: Uint8Array;
  /** `input:NAME`, `labels` or `target:NAME`, `losses`, `gradient:NAME`, `after:NAME`. */
  readonly reference: Reference;
}

const folder = new URL("./golden/models/", import.meta.url);
const index = JSON.parse(readFileSync(new URL("index.json", folder), "utf8")) as Record<
  string,
  Pick<GoldenModel, "exporter" | "learningRate">
>;

/** The name of each golden model, and how it was exported. */
export const goldenModels = Object.entries(index).map(([name, { exporter }]) => [name, exporter] as const);

export function readGoldenModel(name: string): GoldenModel {
  const { exporter, learningRate } = index[name] as (typeof index)[string];
  const reference = readSafetensors(readFileSync(new URL(`${name}.safetensors`, folder)));
  return { name, exporter, learningRate, onnx: readFileSync(new URL(`${name}.onnx`, folder)), reference };
}
