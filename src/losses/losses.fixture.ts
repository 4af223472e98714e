/** Test helper, not part of the package: losses and their gradients, and the golden values to compare them with. */
import { readFileSync } from "node:fs";
import { backpropagate } from "../autodiff/gradient.ts";
import { type GraphBuilder, graphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { float32, int32, type Tensor } from "../graph/tensor.ts";
import { nodeRuntime } from "../runtime/node.ts";

/** Logits [B, C] as rows, and [B] labels. */
export interface LossInputs {
  readonly student: readonly (readonly number[])[];
  readonly teacher: readonly (readonly number[])[];
  readonly labels: readonly number[];
}

export type LossOf = (g: GraphBuilder, values: { readonly student: Value; readonly teacher: Value; readonly labels: Value }) => Value;

interface Sine {
  readonly shape: readonly [number, number];
  readonly f: "sin" | "cos";
  readonly a: number;
  readonly b: number;
  readonly scale: number;
}

interface GoldenFile {
  readonly inputs: { readonly student: Sine; readonly teacher: Sine; readonly labels: readonly number[] };
  readonly losses: Readonly<Record<string, Golden>>;
}

export interface Golden {
  readonly loss: number;
  readonly gradientNorm: number;
  readonly gradientFirst: number;
}

const file = JSON.parse(readFileSync(new URL("../../test/golden/losses.json", import.meta.url), "utf8")) as GoldenFile;

const rowsOf = ({ shape: [rows, columns], f, a, b, scale }: Sine): number[][] =>
  Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => scale * Math[f](a * (row * columns + column) + b)),
  );

/** What the golden values were computed from. */
export const goldenInputs: LossInputs = {
  student: rowsOf(file.inputs.student),
  teacher: rowsOf(file.inputs.teacher),
  labels: file.inputs.labels,
};

/** The golden values of a loss on `goldenInputs`. */
export function golden(name: string): Golden {
  const found = file.losses[name];
  if (!found) throw new Error(`There are no golden values for "${name}".`);
  return found;
}

/** A loss and its gradient to the student's logits, row-major. */
export async function measure(lossOf: LossOf, inputs: LossInputs): Promise<{ loss: number; gradient: Float32Array }> {
  const g = graphBuilder("loss");
  const shape = [inputs.student.length, inputs.student[0]?.length ?? 0];
  const student = g.input("student", "float32", shape);
  const loss = lossOf(g, { student, teacher: g.input("teacher", "float32", shape), labels: g.input("labels", "int32", shape.slice(0, 1)) });
  g.output(loss, "loss");
  g.output(backpropagate(g, loss, [student])[0] as Value, "gradient");
  const session = await nodeRuntime({ threads: 1 }).createSession(writeOnnx(g.build()));
  const outputs = await session.run({
    student: float32(inputs.student.flat(), shape),
    teacher: float32(inputs.teacher.flat(), shape),
    labels: int32(inputs.labels),
  });
  await session.release();
  return { loss: Number(outputs.loss?.data[0]), gradient: (outputs.gradient as Tensor).data as Float32Array };
}

/** A loss in the form of the golden values. */
export async function measureGolden(lossOf: LossOf, inputs: LossInputs = goldenInputs): Promise<Golden> {
  const { loss, gradient } = await measure(lossOf, inputs);
  return { loss, gradientNorm: Math.hypot(...gradient), gradientFirst: gradient[0] as number };
}

/** The largest relative difference between two entries. */
export function relativeError(found: Golden, expected: Golden): number {
  const keys = ["loss", "gradientNorm", "gradientFirst"] as const;
  return Math.max(...keys.map((key) => Math.abs(found[key] - expected[key]) / Math.abs(expected[key])));
}

/** Extreme but legal inputs: every loss and gradient must be finite on them. */
export const extremes: Readonly<Record<string, LossInputs>> = {
  "logits of ±10⁴ that disagree": {
    student: [
      [1e4, -1e4, 0],
      [-1e4, 1e4, 0],
    ],
    teacher: [
      [-1e4, 1e4, 0],
      [0, -1e4, 1e4],
    ],
    labels: [1, 2],
  },
  "a batch of one, two classes": { student: [[0.3, -2]], teacher: [[-1, 4]], labels: [1] },
  "constant rows": {
    student: [
      [7, 7, 7],
      [0, 0, 0],
    ],
    teacher: [
      [-3, -3, -3],
      [0, 0, 0],
    ],
    labels: [0, 2],
  },
};
