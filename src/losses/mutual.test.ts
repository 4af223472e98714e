import { expect, it } from "vitest";
import type { Value } from "../graph/graph.ts";
import { kdLoss } from "./kd.ts";
import { expectGolden, type LossOf, measure, rows } from "./losses.fixture.ts";
import { mutualLoss } from "./mutual.ts";

const own = rows([
  [1, -2, 0.5],
  [0, 3, 1],
]);
const peers = {
  first: rows([
    [0, 1, 2],
    [2, -1, 0],
  ]),
  second: rows([
    [3, 0, 0],
    [-1, 0, 1],
  ]),
};
const tensors = { own, ...peers };

const mutual =
  (temperature: number, ...names: string[]): LossOf =>
  ({ g }, values) =>
    mutualLoss(
      g,
      values.own as Value,
      names.map((name) => values[name] as Value),
      temperature,
    );
const kdOf =
  (temperature: number, peer: string): LossOf =>
  ({ g }, values) =>
    kdLoss(g, values.own as Value, values[peer] as Value, temperature);

it("has the value and gradient of deep mutual learning", async () => {
  await expectGolden("DML KL(S||peer T) T=1 (pred2*log(pred2/pred1))", ({ g }, { student, teacher }) =>
    mutualLoss(g, student as Value, [teacher as Value], 1),
  );
});

it("of one peer is distillation from it; of several the mean", async () => {
  for (const temperature of [1, 3]) {
    const one = await measure(kdOf(temperature, "first"), tensors, "own");
    expect(await measure(mutual(temperature, "first"), tensors, "own")).toEqual(one);
    const other = await measure(kdOf(temperature, "second"), tensors, "own");
    const both = await measure(mutual(temperature, "first", "second"), tensors, "own");
    expect(both.loss).toBeCloseTo((one.loss + other.loss) / 2, 6);
    both.gradient.forEach((value, index) => {
      expect(value).toBeCloseTo(((one.gradient[index] as number) + (other.gradient[index] as number)) / 2, 6);
    });
  }
});

it("teaches the peers nothing", async () => {
  const { gradient } = await measure(mutual(1, "first", "second"), tensors, "second");
  expect([...gradient]).toEqual(new Array(6).fill(0));
});
