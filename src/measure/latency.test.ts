import { describe, expect, test } from "vitest";
import { graphBuilder } from "../graph/builder/builder.ts";
import { type Tensor, widened } from "../graph/tensor.ts";
import type { Session } from "../runtime/runtime.ts";
import { inTurns, measureInTurns, measureLatency, randomFeeds } from "./latency.ts";

/** A session whose runs take given times on a clock of its own. */
function timed(durations: readonly number[]): { session: Session; clock: () => number; count: () => number } {
  let now = 1000;
  let runs = 0;
  const session: Session = {
    inputNames: [],
    outputNames: [],
    run: async () => {
      now += durations[runs++] ?? Number.NaN;
      return {};
    },
    release: async () => {},
  };
  return { session, clock: () => now, count: () => runs };
}

describe("latency", () => {
  test("sums up the runs after the warm-up, in any order", async () => {
    const { session, clock, count } = timed([500, 900, 4, 1, 3, 2, 10]);
    const latency = await measureLatency(session, {}, { warmup: 2, runs: 5, clock });
    expect(latency.median).toBe(3);
    expect(latency.mean).toBe(4);
    // Place 0.95·4 = 3.8 of 1, 2, 3, 4, 10.
    expect(latency.p95).toBeCloseTo(4 + 0.8 * 6, 12);
    expect(latency.runs).toBe(5);
    expect(count()).toBe(7);
  });

  test("an even number of runs, and a single one", async () => {
    expect(await measureLatency(timed([1, 2, 5, 9]).session, {}, { warmup: 0, runs: 1, clock: () => 0 })).toEqual({
      median: 0,
      p95: 0,
      mean: 0,
      runs: 1,
    });
    const { session, clock } = timed([9, 1, 5, 2]);
    expect((await measureLatency(session, {}, { warmup: 0, runs: 4, clock })).median).toBe(3.5);
  });

  test("no runs are refused", async () => {
    await expect(measureLatency(timed([]).session, {}, { runs: 0 })).rejects.toThrow("cannot be measured in 0 runs");
  });
});

describe("latency in turns", () => {
  /** Sessions on one clock, which runs of the first slow down for all. */
  function drifting(...durations: readonly number[]) {
    let now = 0;
    let runs = 0;
    const order: number[] = [];
    const runnables = durations.map((duration, index) => ({
      feeds: {},
      session: {
        inputNames: [],
        outputNames: [],
        run: async () => {
          order.push(index);
          now += duration * (1 + 0.01 * runs++);
          return {};
        },
        release: async () => {},
      },
    }));
    return { runnables, clock: () => now, order };
  }

  test("a drift of the machine hits all alike: the ratio stays", async () => {
    const { runnables, clock } = drifting(10, 5);
    const [slow, fast] = await measureInTurns(runnables, { clock, rounds: 40, turn: 1 });
    expect((slow?.median ?? 0) / (fast?.median ?? 1)).toBeCloseTo(2, 1);
    expect(slow?.runs).toBe(40);
  });

  test("a turn is as many runs as take so long, and every round begins with another", async () => {
    const { runnables, clock, order } = drifting(1, 2, 400);
    const found = await measureInTurns(runnables, { clock, rounds: 3, turn: 4 });
    expect(order.slice(0, 9)).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2]);
    expect(found.map(({ runs }) => runs)).toEqual([12, 6, 3]);
    expect(order.slice(9).filter((index, place, all) => index !== all[place - 1])).toEqual([0, 1, 2, 1, 2, 0, 2, 0, 1]);
    for (const { quartiles, median } of found) {
      expect(quartiles[0]).toBeLessThanOrEqual(median);
      expect(quartiles[1]).toBeGreaterThanOrEqual(median);
    }
  });

  test("runs that take no time on the clock are still counted", async () => {
    const { runnables } = drifting(1);
    const [found] = await measureInTurns(runnables, { clock: () => 0, rounds: 1 });
    expect(found).toMatchObject({ median: 0, runs: 1000 });
  });

  test("everyone has a turn in each round", async () => {
    const turns: string[] = [];
    await inTurns(["a", "b", "c"], 2, async (one, index) => void turns.push(`${one}${index}`));
    expect(turns).toEqual(["a0", "b1", "c2", "b1", "c2", "a0"]);
    await inTurns([], 2, async () => expect.unreachable());
  });
});

describe("random inputs", () => {
  const g = graphBuilder("g");
  g.input("image", "float32", ["N", 3]);
  g.input("ids", "int64", ["N", "S"]);
  g.input("mask", "bool", [50]);
  g.input("half", "float16", [200]);
  const graph = g.build();

  test("fit the graph, repeat with the seed and differ without", () => {
    const feeds = randomFeeds(graph, { N: 20, S: 2 });
    expect(Object.values(feeds).map(({ type, shape }) => [type, shape])).toEqual([
      ["float32", [20, 3]],
      ["int64", [20, 2]],
      ["bool", [50]],
      ["float16", [200]],
    ]);
    expect(new Set(feeds.ids?.data as BigInt64Array)).toEqual(new Set([0n, 1n]));
    expect(new Set(feeds.mask?.data as Uint8Array)).toEqual(new Set([0, 1]));
    expect(new Set(feeds.image?.data as Float32Array).size).toBeGreaterThan(50);
    const half = [...widened(feeds.half as Tensor).data];
    expect(half.some((value) => value < -1) && half.some((value) => value > 1)).toBe(true);
    expect(half.every((value) => Math.abs(value) < 6)).toBe(true);
    expect(randomFeeds(graph, { N: 20, S: 2 })).toEqual(feeds);
    expect(randomFeeds(graph, { N: 20, S: 2 }, 1)).not.toEqual(feeds);
  });

  test("need every size", () => {
    expect(() => randomFeeds(graph, { N: 20 })).toThrow('The input "ids" [N, S] has a dimension without a size');
  });
});
