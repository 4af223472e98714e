import { expect, it } from "vitest";
import { memorySamples, type Samples } from "../data/samples.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { type Float32Tensor, float32 } from "../graph/tensor.ts";
import { smallCnn } from "../nn/zoo/small-cnn.ts";
import { createEvaluator, predict } from "./evaluation.ts";
import { network, runtime, sine } from "./train.fixture.ts";
import { withWeights } from "./trainable.ts";

const identity = network([3], (g, x) => g.mul(x, g.store("scale", float32([1, 1, 1]))));
const asTheyAre = { mean: [0, 0, 0], std: [1, 1, 1] };

/** Samples of three values of 0 or 1. */
const triples = (values: readonly (readonly number[])[], labels: readonly number[]): Samples =>
  memorySamples({
    name: "triples",
    sampleShape: [3],
    classes: ["a", "b", "c"],
    pixels: Uint8Array.from(values.flat(), (value) => 255 * value),
    labels: Int32Array.from(labels),
  });

it("scores by hand: accuracy with the first of equals, and mean cross-entropy in nats", async () => {
  const session = await runtime.createSession(writeOnnx(identity));
  const samples = triples(
    [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
      [1, 1, 0],
      [0, 1, 1],
    ],
    [0, 2, 2, 0, 2],
  );
  const { accuracy, loss, logits, labels, classes } = await predict(session, identity, samples, asTheyAre);
  expect(accuracy).toBe(3 / 5);
  const [one, two] = [Math.log(Math.E + 2), Math.log(2 * Math.E + 1)];
  expect(loss).toBeCloseTo((one - 1 + one + one - 1 + two - 1 + two - 1) / 5, 6);
  expect(Array.from(logits.subarray(0, 6))).toEqual([1, 0, 0, 0, 1, 0]);
  expect([Array.from(labels), classes]).toEqual([[0, 2, 2, 0, 2], 3]);
  await session.release();
});

it("keeps samples in order over several batches, the last one short", async () => {
  const count = 563;
  const samples = triples(
    Array.from({ length: count }, (_, index) => [0, 1, 2].map((column) => Number(index % 3 === column))),
    Array.from({ length: count }, (_, index) => index % 3),
  );
  const evaluator = await createEvaluator(runtime, identity, ["scale"], asTheyAre);
  const found = await evaluator.predict(samples, new Map([["scale", float32([1, 2, 3])]]));
  expect(found.accuracy).toBe(1);
  expect(found.logits).toEqual(Float32Array.from({ length: 3 * count }, (_, i) => (Math.floor(i / 3) % 3 === i % 3 ? (i % 3) + 1 : 0)));
  await evaluator.release();
});

it("counts logits that are not numbers, or beyond their range, as they are", async () => {
  const session = await runtime.createSession(writeOnnx(network([3], (g, x) => g.div(x, g.store("zero", float32([0, 1, 1]))))));
  const samples = triples(
    [
      [0, 1, 0],
      [1, 0, 0],
    ],
    [0, 0],
  );
  const { accuracy, loss } = await predict(session, identity, samples, asTheyAre);
  expect(accuracy).toBe(0.5);
  expect(loss).toBeNaN();
  await session.release();
});

it("gives the logits of the exported file, but for rounding (there the runtime folds constant weights)", async () => {
  const cnn = smallCnn({ inputShape: [1, 6, 6], classes: 3, channels: [4, 6], depth: 2, dropout: 0.5, seed: 1 });
  const weights = new Map(
    Array.from(cnn.initializers)
      .filter(([, { shape }]) => shape.length > 0)
      .map(([name, { shape }], index): [string, Float32Tensor] => {
        const drawn = sine(shape, 0.4, 1.3, index);
        return [
          name,
          name.endsWith("variance")
            ? float32(
                drawn.data.map((value) => 1 + value),
                shape,
              )
            : drawn,
        ];
      }),
  );
  const samples = memorySamples({
    name: "waves",
    sampleShape: [1, 6, 6],
    classes: ["a", "b", "c"],
    pixels: Uint8Array.from({ length: 300 * 36 }, (_, i) => 128 + 127 * Math.sin(i * i)),
    labels: Int32Array.from({ length: 300 }, (_, index) => index % 3),
  });
  const normalization = { mean: [0.3], std: [0.4] };
  const evaluator = await createEvaluator(runtime, cnn, [...weights.keys()], normalization);
  const exported = withWeights(cnn, weights);
  const session = await runtime.createSession(writeOnnx(exported));
  const [found, expected] = [await evaluator.predict(samples, weights), await predict(session, exported, samples, normalization)];
  const furthest = Math.max(...found.logits.map((logit, index) => Math.abs(logit - (expected.logits[index] as number))));
  expect(furthest).toBeLessThan(1e-6);
  expect(found.accuracy).toBe(expected.accuracy);
  await Promise.all([evaluator.release(), session.release()]);
});
