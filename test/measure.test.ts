import { expect, test } from "vitest";
import { graphBuilder } from "../src/graph/builder/builder.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { runGraph } from "../src/graph/run.fixture.ts";
import { expectedCalibrationError, reliabilityBins } from "../src/measure/calibration.ts";
import { accuracy, argMax } from "../src/measure/classification.ts";
import { measureLatency, randomFeeds } from "../src/measure/latency.ts";
import { lenet } from "../src/nn/zoo/lenet.ts";
import { randomFor } from "../src/random.ts";
import { nodeRuntime } from "../src/runtime/node.ts";

const SAMPLES = 500;
const CLASSES = 7;

test("classes, confidences and calibration are those of ONNX Runtime's ArgMax and Softmax", async () => {
  const g = graphBuilder("scores");
  const logits = g.input("logits", "float32", ["N", CLASSES]);
  g.output(g.argMax(logits, { axis: 1 }), "class");
  g.output(g.reduceMax(g.softmax(logits), { axes: [1] }), "confidence");
  const feeds = randomFeeds(g.build(), { N: SAMPLES }, 5);
  const results = await runGraph(g.build(), feeds);
  const classes = Array.from(results.class?.data as BigInt64Array, Number);
  const confidences = results.confidence?.data as Float32Array;

  const random = randomFor(6);
  const labels = classes.map((best) => (random.uniform() < 0.6 ? best : random.integer(0, CLASSES - 1)));
  const classified = { logits: feeds.logits?.data as Float32Array, labels };
  expect([...argMax(classified.logits, CLASSES)]).toEqual(classes);
  expect(accuracy(classified)).toBe(labels.filter((label, sample) => label === classes[sample]).length / SAMPLES);

  let expected = 0;
  for (let bin = 0; bin < 15; bin++) {
    const members = labels.flatMap((_, sample) =>
      (confidences[sample] as number) > bin / 15 && (confidences[sample] as number) <= (bin + 1) / 15 ? [sample] : [],
    );
    const mean = (of: (sample: number) => number) => members.reduce((total, sample) => total + of(sample), 0) / members.length;
    if (members.length > 0)
      expected +=
        (members.length / SAMPLES) *
        Math.abs(mean((sample) => Number(labels[sample] === classes[sample])) - mean((sample) => confidences[sample] as number));
  }
  expect(expectedCalibrationError(reliabilityBins(classified))).toBeCloseTo(expected, 5);
});

test("latency of a real session", async () => {
  const graph = lenet({ inputShape: [1, 28, 28], classes: 10, seed: 1 });
  const session = await nodeRuntime({ threads: 1 }).createSession(writeOnnx(graph));
  const latency = await measureLatency(session, randomFeeds(graph, { N: 2 }), { warmup: 1, runs: 5 });
  await session.release();
  expect(latency.runs).toBe(5);
  expect(latency.median).toBeGreaterThan(0);
  expect(latency.p95).toBeGreaterThanOrEqual(latency.median);
});
