import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { reportFixture, trainingReportFixture } from "./report.fixture.ts";
import type { Report } from "./report.ts";
import { reportTable } from "./table.ts";

describe("reportTable", () => {
  const report = reportFixture();

  test("says who got what, side by side, then what was saved and kept", () => {
    expect(reportTable(report, { color: false })).toMatchInlineSnapshot(`
      "                           Teacher       Baseline        Student
                           mlp-1200-1200      mlp-50-50      mlp-50-50

      Test accuracy              98.83 %        97.05 %        98.15 %
      Errors of 10,000               117            295            185
      Validation accuracy        98.78 %        96.95 %        98.05 %
      Best epoch                       –             19             27
        its test accuracy              –        96.98 %        98.08 %

      Parameters                  2.40 M         42.3 k         42.3 k
      FLOPs per sample            4.79 M         84.4 k         84.4 k
      ONNX file                  9.58 MB         171 kB         171 kB

      Latency, batch 1           0.94 ms       0.044 ms       0.044 ms
        95th percentile          1.27 ms       0.059 ms       0.059 ms
      Latency, batch 128         10.6 ms        0.31 ms        0.31 ms
        95th percentile          12.7 ms        0.37 ms        0.37 ms

      Reduction   56.6× parameters, 56.7× FLOPs, 56.0× file, 21.4× latency
      Retention   99.31 % of the teacher's accuracy
      Agreement   97.81 % of the test samples get the teacher's class
      Gap closed  61.8 % of the way from the baseline's accuracy to the teacher's
      "
    `);
  });

  test("says how much of the teacher came from its cache", () => {
    const cached = { ...report, teacherCache: { used: 600_000, computed: 50_000, bytes: 2e6 } };
    expect(reportTable(cached, { color: false })).toMatch(/\nCache {7}91\.7 % of the teacher's outputs in training were read from disk\n$/);
  });

  test("columns end at the same place on every line, and lines within the width", () => {
    for (const width of [56, 80, 120]) {
      const [head = "", , ...lines] = reportTable(report, { color: false, width }).split("\n");
      const table = lines
        .slice(
          0,
          lines.findIndex((line) => line.startsWith("Reduction")),
        )
        .filter(Boolean);
      const ends = (line: string): number[] => [...line.matchAll(/\S(?=\s{2}|$)/g)].map(({ index }) => index);
      expect(table.length).toBeGreaterThan(10);
      for (const line of table) expect(ends(line).slice(-3)).toEqual(ends(head).slice(-3));
      for (const line of [head, ...lines]) expect(line.length).toBeLessThanOrEqual(width);
    }
  });

  test("colour adds nothing but colour", () => {
    const colored = reportTable(report, { color: true });
    expect(colored).not.toBe(reportTable(report, { color: false }));
    expect(stripVTControlCharacters(colored)).toBe(reportTable(report, { color: false }));
  });

  test("without a teacher: one column, nothing to compare", () => {
    const text = reportTable(trainingReportFixture(), { color: false });
    expect(text).toMatch(/^ +Model\n/);
    expect(text).not.toMatch(/Teacher|Student|Baseline|Reduction|Retention|Agreement|Gap|NaN|undefined/);
  });

  test("a long or wide name is cut to the column, and cannot drive the terminal", () => {
    const named = (name: string): Report => ({ ...report, teacher: { ...(report.teacher ?? report.student), name } });
    expect(reportTable(named("a".repeat(200)), { color: false }).split("\n")[1]).toMatch(/ a+… {2}/);
    const wide = reportTable(named("教師模型".repeat(20)), { color: false }).split("\n");
    const cut = wide[1]?.match(/[教師模型]+/)?.[0].length ?? 0;
    expect((wide[1]?.length ?? 0) + cut).toBeGreaterThanOrEqual((wide[0]?.length ?? 0) - 1); // each such character takes two columns
    expect((wide[1]?.length ?? 0) + cut).toBeLessThanOrEqual(wide[0]?.length ?? 0);
    expect(reportTable(named("\u001b[2Jx\u0007\n\u202ey"), { color: false }).split("\n")[1]).toMatch(/ \[2Jxy {2}/);
  });
});
