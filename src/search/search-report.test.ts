import { describe, expect, test } from "vitest";
import { searchPage } from "./search-page.ts";
import { ranked, type SearchReport } from "./search-report.ts";
import { searchTable } from "./search-table.ts";
import type { Trial } from "./trial.ts";

const trial = (temperature: number, accuracy?: number, more: Partial<Trial> = {}): Trial => ({
  values: { temperature, optimizer: { "<b>": 1 } },
  epochs: 3,
  runs: [{ seed: 0, accuracy, loss: 0.5 }],
  ...(accuracy === undefined ? { error: "It </td> broke." } : { accuracy, deviation: 0.0123, loss: 0.5 }),
  ...more,
});

const report: SearchReport = {
  limbeck: { search: 1 },
  kind: "recipe",
  recipe: { data: { idx: "<script>" } },
  dimensions: [
    { key: "temperature", domain: { min: 1, max: 16, log: true } },
    { key: "optimizer", domain: { choices: [{ "<b>": 1 }] } },
  ],
  method: { name: "tpe", trials: 4, seed: 1 },
  seeds: 2,
  trials: [trial(1, 0.9), trial(4, 0.95), trial(16), trial(8, 0.99, { epochs: 1 })],
  chosen: 1,
  test: { accuracy: 0.94, teacher: 0.98 },
  versions: { limbeck: "0.1.0", runtime: "onnxruntime-node 1" },
  seconds: 75,
};

test("trials are ranked by epochs, then by accuracy, failed ones last among their like", () => {
  expect(ranked(report).map(({ values }) => values.temperature)).toEqual([4, 1, 16, 8]);
});

test("the table marks what was chosen, and says what failed and what the test samples say", () => {
  expect(searchTable(report, { color: false }).split("\n")).toEqual([
    "  temperature  optimizer  epochs  validation  spread  loss",
    '*           4  {"<b>":1}       3     95.00 %  ± 1.23   0.5',
    '            1  {"<b>":1}       3     90.00 %  ± 1.23   0.5',
    '           16  {"<b>":1}       3      failed',
    '            8  {"<b>":1}       1     99.00 %  ± 1.23   0.5',
    "",
    "Test accuracy of the chosen recipe: 94.00 % (teacher 98.00 %)",
    "",
  ]);
});

describe("the page", () => {
  const page = searchPage(report);

  test("says what was chosen, draws it, and lists all trials", () => {
    expect(page).toContain("<strong>95.00 %</strong>");
    expect(page).toContain("log₁₀ of temperature");
    expect(page).toContain("Trial by trial");
    expect(page.match(/<tr><th scope="row">/g)).toHaveLength(4);
  });

  test("lets nothing out of a recipe become markup", () => {
    for (const forbidden of ["<script", "{&quot;<b>", "It </td>"]) expect(page).not.toContain(forbidden);
    expect(page).toContain("&lt;script&gt;");
    expect(page).toContain("It &lt;/td&gt; broke.");
  });

  test("of a grid of one dimension has a line with the extremes of the seeds", () => {
    const [dimension] = report.dimensions;
    const trials = report.trials.slice(0, 2).map((one) => ({ ...one, values: { temperature: one.values.temperature } }));
    const single = searchPage({
      ...report,
      kind: "temperature",
      dimensions: dimension ? [dimension] : [],
      trials,
      method: { name: "grid" },
    });
    expect(single).toContain("<h1>temperature 4</h1>");
    expect(single).toContain("Worst seed");
    expect(single).not.toContain("Trial by trial");
  });
});
