import { expect, it } from "vitest";
import type { Graph } from "../graph/graph.ts";
import { base, inMemory, runOf, splits } from "./distill.fixture.ts";
import { toNetwork } from "./network.ts";
import { parseRecipe } from "./recipe/parse.ts";
import { epochsOf, stagesOf } from "./stages.ts";

const weights = ({ initializers }: Graph) => Object.fromEntries([...initializers].map(([name, { data }]) => [name, data]));

it("take from the recipe what they leave open", () => {
  const recipe = parseRecipe({
    ...base,
    clipNorm: 2,
    stages: [{ epochs: 5 }, { name: "end", clipNorm: 1, losses: [{ crossEntropy: { weight: 2 } }] }],
  });
  expect(stagesOf(recipe).map(({ name, epochs, clipNorm }) => [name, epochs, clipNorm])).toEqual([
    ["stage1", 5, 2],
    ["end", base.epochs, 1],
  ]);
  expect(epochsOf(recipe)).toBe(5 + base.epochs);
});

it("go on from each other, train what they name, and count epochs through", async () => {
  const start = weights(await toNetwork(parseRecipe(base).student, splits.train, 0, inMemory().environment.readFile));
  const names = Object.keys(start);
  const last = names.filter((name) => name.startsWith("classifier"));
  const first = names.filter((name) => !last.includes(name));
  expect([first.length, last.length]).toEqual([2, 2]);
  const told = inMemory();
  const both = await runOf({ ...base, stages: [{ trained: ["classifier*"] }, { frozen: ["classifier*"] }] }, told);
  expect(told.epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5, 6]);
  const one = weights((await runOf({ ...base, stages: [{ trained: ["classifier*"] }] })).student.graph);
  const end = weights(both.student.graph);
  for (const name of first) {
    expect(one[name]).toEqual(start[name]);
    expect(end[name]).not.toEqual(start[name]);
  }
  for (const name of last) {
    expect(one[name]).not.toEqual(start[name]);
    expect(end[name]).toEqual(one[name]);
  }
});
