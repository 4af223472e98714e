import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { EpochEvent, StepEvent } from "../train/fit.ts";
import { progressDisplay } from "./progress.ts";

const metrics = { crossEntropy: 2.12345, kd: 0.01234567, loss: 1, accuracy: 0.217 };
const stepEvent: StepEvent = { epoch: 1, epochs: 6, step: 40, steps: 100, metrics, samplesPerSecond: 5112.4, secondsLeft: 88 };
const epochEvent: EpochEvent = {
  epoch: 2,
  epochs: 12,
  step: 200,
  metrics,
  scalars: { learningRate: 0.1 },
  validation: { accuracy: 0.24, loss: 2 },
  best: true,
  samplesPerSecond: 5112.4,
  waiting: { batch: 0.01, teacher: 0.3 },
  seconds: 30,
};

/** A stream that passes for standard error, and what was written to it. */
function stream(columns?: number) {
  const through = new PassThrough({ encoding: "utf8" });
  const fake = Object.assign(through, { isTTY: columns !== undefined, columns }) as unknown as NodeJS.WriteStream;
  return { fake, written: () => (through.read() as string | null) ?? "" };
}

/** To the start of the line, as terminals are told. */
const HOME = "\x1b[1G";

/** What stands in the last line of a terminal after this was written. */
const lastLine = (text: string): string => stripVTControlCharacters(text.slice(text.lastIndexOf(HOME) + HOME.length));

beforeEach(() => {
  vi.useFakeTimers();
  return () => vi.useRealTimers();
});

test("names of files that would move the cursor don't", () => {
  for (const columns of [undefined, 80]) {
    const { fake, written } = stream(columns);
    progressDisplay(false, fake).onNotice?.("1 entry was left out: a\x1b[2J\r.txt.\nNext");
    expect(stripVTControlCharacters(written())).toBe("1 entry was left out: a[2J.txt.\nNext\n");
  }
});

test("a pipe gets one plain line for each stage and epoch", () => {
  const { fake, written } = stream();
  const display = progressDisplay(false, fake);
  display.onStage?.("Distilling the student");
  display.onStep?.("student", stepEvent);
  display.onEpoch?.("student", epochEvent);
  display.onEpoch?.("baseline", { ...epochEvent, epoch: 12, best: false, validation: undefined, metrics: { accuracy: 1 } });
  expect(written().split("\n")).toEqual([
    "Distilling the student",
    "student   2/12  train 21.7 %  validation 24.00 % *  crossEntropy 2.123  kd 0.01235  5112 samples/s  2 min 30 s left",
    "baseline 12/12  train 100.0 %  5112 samples/s  0.0 s left",
    "",
  ]);
});

test("a pipe gets notices, and no line for each batch that is labelled", () => {
  const { fake, written } = stream();
  const display = progressDisplay(false, fake);
  display.onNotice?.("The run goes on without the teacher cache.");
  display.onLabel?.({ done: 1, total: 2, samplesPerSecond: 1, secondsLeft: 1 });
  expect(written()).toBe("The run goes on without the teacher cache.\n");
});

test("nothing is shown when quiet", () => {
  const { fake, written } = stream(80);
  const display = progressDisplay(true, fake);
  display.onStage?.("Reading the data");
  display.onStep?.("student", stepEvent);
  display.onEpoch?.("student", epochEvent);
  expect(written()).toBe("");
});

describe("a terminal", () => {
  test.each([
    [100, "██░░░░░░░░  23%  epoch 2/6  1:28 left  train 21.7 %  crossEntropy 2.12  kd 0.0123  5112/s"],
    [80, "██░░░░░░░░  23%  epoch 2/6  1:28 left  train 21.7 %  crossEntropy 2.12  5112/s"],
    [40, "██░░░░░░░░  23%  epoch 2/6  1:28 left"],
  ])("of %d columns shows a bar with what finds room beside it", (columns, line) => {
    const { fake, written } = stream(columns);
    const display = progressDisplay(false, fake);
    vi.advanceTimersByTime(1000);
    display.onStep?.("student", stepEvent);
    const shown = lastLine(written());
    display.stop();
    expect(shown).toBe(line);
    expect(shown.length).toBeLessThan(columns);
  });

  test("is redrawn in place, and the bar gives way to what is printed", () => {
    const { fake, written } = stream(120);
    const display = progressDisplay(false, fake);
    display.onStage?.("Training the network");
    const before = written();
    for (const step of [10, 60]) {
      vi.advanceTimersByTime(1000);
      display.onStep?.("student", { ...stepEvent, step, secondsLeft: 3700 });
    }
    const bars = written();
    display.onEpoch?.("student", epochEvent);
    const after = written();
    expect(stripVTControlCharacters(before)).toBe("Training the network\n");
    expect(bars).not.toContain("\n");
    expect(lastLine(bars)).toMatch(/^█+░+ {2}26% {2}epoch 2\/6 {2}1:01:40 left /);
    expect(lastLine(after.trimEnd())).toBe(
      "student   2/12  train 21.7 %  validation 24.00 % *  crossEntropy 2.123  kd 0.01235  5112 samples/s",
    );
    // Modes of the terminal, such as a hidden cursor, would stay when the process is killed.
    expect(before + bars + after).not.toContain("\x1b[?");
  });

  test("shows how far labelling has got, and takes the bar away when it is done", () => {
    const { fake, written } = stream(80);
    const display = progressDisplay(false, fake);
    vi.advanceTimersByTime(1000);
    display.onLabel?.({ done: 5120, total: 20_000, samplesPerSecond: 2000.4, secondsLeft: 7.5 });
    expect(lastLine(written())).toBe("███░░░░░░░  25%  0:08 left   5,120 of 20,000 samples  2000/s");
    display.onLabel?.({ done: 20_000, total: 20_000, samplesPerSecond: 2000, secondsLeft: 0 });
    expect(lastLine(written())).toBe("");
    display.onNotice?.("Labelling a damaged file anew.");
    expect(written()).toContain("Labelling a damaged file anew.");
    display.stop();
  });

  test("is not redrawn more often than can be seen", () => {
    const { fake, written } = stream(120);
    const display = progressDisplay(false, fake);
    vi.advanceTimersByTime(1000);
    display.onStep?.("student", stepEvent);
    written();
    vi.advanceTimersByTime(20);
    display.onStep?.("student", { ...stepEvent, step: 41 });
    const soon = written();
    display.stop();
    expect(soon).toBe("");
  });
});
