import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type LineChart, lineChart } from "./line-chart.ts";
import { toHtml } from "./markup.ts";

function draw(values: readonly number[], options: Partial<LineChart> = {}): string {
  const x = values.map((_, index) => index + 1);
  return toHtml(
    lineChart({
      title: "T",
      xName: "Epoch",
      x,
      series: [{ name: "a", tone: "plain", values }],
      format: String,
      scale: "linear",
      ...options,
    }),
  );
}

const pathOf = (drawing: string): string | undefined => /class="line[^"]*" d="([^"]*)"/.exec(drawing)?.[1];
const ticksOf = (drawing: string): readonly string[] =>
  [...drawing.matchAll(/<span style="top:[^"]*">([^<]*)<\/span>/g)].map(([, tick = ""]) => tick);

describe("lineChart", () => {
  test("large is up, unless inverted", () => {
    expect(pathOf(draw([0, 5, 10]))).toBe("M0 100h0L50 50L100 0");
    expect(pathOf(draw([0, 5, 10], { inverted: true }))).toBe("M0 0h0L50 50L100 100");
  });

  test("a logarithmic scale gives equal ratios equal heights", () => {
    const drawing = draw([0.001, 0.01, 0.1, 1], { scale: "log" });
    expect(pathOf(drawing)).toBe("M0 100h0L33.33 66.67L66.67 33.33L100 0");
    expect(ticksOf(drawing)).toEqual(["0.001", "0.01", "0.1", "1"]);
  });

  test("a gap breaks the line, and a lone point is still drawn", () => {
    expect(pathOf(draw([0, Number.NaN, 10, 5]))).toBe("M0 100h0M66.67 0h0L100 50");
    expect(pathOf(draw([0, Number.NaN, Number.NaN]))).toBe("M0 100h0");
    expect(pathOf(draw([Number.NaN, Number.NaN]))).toBe("");
  });

  test("one reading per x while there is room, and always the last", () => {
    const readings = (drawing: string) => [...drawing.matchAll(/<b>Epoch (\d+)<\/b>/g)].map(([, epoch]) => Number(epoch));
    expect(readings(draw([1, 2, 3]))).toEqual([1, 2, 3]);
    const many = readings(draw(Array.from({ length: 1001 }, (_, index) => index)));
    expect(many.length).toBeLessThan(130);
    expect(many.at(-1)).toBe(1001);
  });

  test("whatever the values, the scale encloses them with two to ten labels", () => {
    const value = fc.double({ min: 1e-6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), fc.constantFrom<"linear" | "log">("linear", "log"), (values, scale) => {
        const drawing = draw(values, { scale });
        const ticks = ticksOf(drawing).map(Number);
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        expect(ticks.length).toBeLessThanOrEqual(10);
        expect(Math.min(...ticks)).toBeLessThanOrEqual(Math.min(...values));
        for (const [, , y] of drawing.matchAll(/[ML]([\d.-]+) ([\d.-]+)/g)) {
          expect(Number(y)).toBeGreaterThanOrEqual(0);
          expect(Number(y)).toBeLessThanOrEqual(100);
        }
      }),
    );
  });
});
