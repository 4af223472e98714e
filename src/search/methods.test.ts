import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { randomFor } from "../random.ts";
import { asha, costOf, halving, rungsOf, trialsWithin } from "./halving.ts";
import { compareScores, type Method, type Proposal, ranking, type Score } from "./method.ts";
import { random } from "./random.ts";
import { type Dimension, findSpace, type Point, valueAt } from "./space.ts";
import { estimator, tpe } from "./tpe.ts";

const scored = (accuracy: number, loss = 0): Score => ({ accuracy, loss });

/** Runs a method to its end. @returns What it proposed, in rounds. */
function run(method: Method, score: (proposal: Proposal) => Score): readonly (readonly Proposal[])[] {
  const rounds: (readonly Proposal[])[] = [];
  for (let step = method.next([]); !step.done; step = method.next(step.value.map(score))) rounds.push(step.value);
  return rounds;
}

describe("scores", () => {
  const number = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Number.NEGATIVE_INFINITY, 0.5));
  test("are ordered, with what is no number last, and equals as they came", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ accuracy: number, loss: number })), (scores) => {
        const order = ranking(scores);
        expect(order.toSorted((a, b) => a - b)).toEqual(scores.map((_, index) => index));
        for (const [index, place] of order.slice(1).entries()) {
          const before = order[index] as number;
          const compared = compareScores(scores[before] as Score, scores[place] as Score);
          expect(compared).toBeLessThanOrEqual(0);
          if (compared === 0) expect(before).toBeLessThan(place);
        }
      }),
    );
  });

  test("of the same accuracy are ordered by loss", () => {
    expect(ranking([scored(0.9, 0.3), scored(Number.NaN, 0.1), scored(0.9, 0.2), scored(0.9, Number.NaN)])).toEqual([2, 0, 3, 1]);
  });
});

const space = findSpace({
  rate: { search: { min: 1e-4, max: 1, log: true } },
  temperature: { search: { min: 1, max: 20 } },
  depth: { search: { min: 1, max: 6, step: 1 } },
  kind: { search: ["a", "b", "c"] },
});

/** Highest, at 1, for a rate of 0.01, a temperature of 6, a depth of 4 and the kind b. */
function smooth(point: Point): number {
  const [rate, temperature, depth, kind] = point as [number, number, number, number];
  return 1 - (Math.log10(rate) + 2) ** 2 / 4 - ((temperature - 6) / 20) ** 2 - ((depth - 4) / 6) ** 2 - (kind === 1 ? 0 : 0.3);
}
const bestOf = (rounds: readonly (readonly Proposal[])[]): number => Math.max(...rounds.flat().map(({ point }) => smooth(point)));

describe("TPE", () => {
  test("finds better points than random search, at equal cost", () => {
    const SEEDS = 100;
    const pairs = Array.from({ length: SEEDS }, (_, seed) => {
      const options = { trials: 40, seed };
      const score = ({ point }: Proposal) => scored(smooth(point));
      return [bestOf(run(tpe(space, options), score)), bestOf(run(random(space, options), score))] as const;
    });
    const won = pairs.filter(([ours, theirs]) => ours > theirs).length;
    // Of 100 fair coins, more than 75 heads come once in ten million times.
    expect(won).toBeGreaterThan(75);
    const regret = (which: 0 | 1) => pairs.reduce((sum, pair) => sum + (1 - pair[which]), 0) / SEEDS;
    expect(regret(0)).toBeLessThan(0.6 * regret(1));
  });

  test("proposes the same again for the same seed and scores, and no point twice", () => {
    const score = ({ point }: Proposal) => (point[3] === 2 ? scored(Number.NEGATIVE_INFINITY) : scored(smooth(point)));
    const proposed = (seed: number) => run(tpe(space, { trials: 30, seed }), score);
    expect(proposed(3)).toEqual(proposed(3));
    expect(proposed(3)).not.toEqual(proposed(4));
    const points = proposed(3)
      .flat()
      .map(({ point }) => point.join());
    expect(new Set(points).size).toBe(30);
    expect(proposed(3).map((round) => round.length)).toEqual([10, 4, 4, 4, 4, 4]);
  });

  test("ends when a small space has been tried", () => {
    const small = findSpace({ a: { search: [1, 2, 3, 4] }, b: { search: [true, false, null] } });
    const points = run(tpe(small, { trials: 50, seed: 0, startup: 5 }), ({ point }) => scored(point[0] as number)).flat();
    expect(new Set(points.map(({ point }) => point.join())).size).toBe(12);
    expect(points).toHaveLength(12);
  });

  test("its densities sum to 1, and are what it draws from", () => {
    const domain = { min: 2, max: 10, log: false };
    const { density, sample } = estimator(domain, [3, 3.5, 9]);
    const cells = Array.from({ length: 800 }, (_, cell) => density(2 + 8 * ((cell + 0.5) / 800)) / 800);
    expect(cells.reduce((sum, cell) => sum + cell, 0)).toBeCloseTo(1, 4);
    const drawn = Array.from({ length: 4000 }, (_, seed) => sample(randomFor(seed)));
    const below = drawn.filter((value) => value < 4).length / drawn.length;
    expect(below).toBeCloseTo(
      cells.slice(0, 200).reduce((sum, cell) => sum + cell, 0),
      1,
    );
    const choice = estimator({ choices: ["a", "b"] }, [0, 0, 1]);
    expect([choice.density(0), choice.density(1)]).toEqual([2.5 / 4, 1.5 / 4]);
  });
});

describe("successive halving", () => {
  const plan = fc.record({ trials: fc.integer({ min: 1, max: 200 }), epochs: fc.integer({ min: 1, max: 100 }) });

  test("has fewer and longer trials on each rung; the last are as long as the recipe says", () => {
    fc.assert(
      fc.property(plan, ({ trials, epochs }) => {
        const rungs = rungsOf(trials, epochs);
        expect(rungs[0]?.trials).toBe(trials);
        expect(rungs.at(-1)?.epochs).toBe(epochs);
        for (const [index, rung] of rungs.slice(1).entries()) {
          expect(rung.trials).toBe(Math.floor(trials / 3 ** (index + 1)));
          expect(rung.epochs).toBeGreaterThan(rungs[index]?.epochs as number);
        }
      }),
    );
  });

  test("has as many trials as a budget pays for, and no more", () => {
    fc.assert(
      fc.property(plan, fc.integer({ min: 1, max: 500 }), ({ trials: most, epochs }, more) => {
        const budget = epochs + more;
        const trials = trialsWithin(budget, epochs, most);
        expect(costOf(rungsOf(trials, epochs))).toBeLessThanOrEqual(budget);
        for (let larger = trials + 1; larger <= most; larger++) expect(costOf(rungsOf(larger, epochs))).toBeGreaterThan(budget);
      }),
    );
    expect(() => trialsWithin(9, 10, 5)).toThrow("A budget of 9 epochs is less than one trial takes (10).");
  });

  test("costs what its rungs say, keeps the better of each, and ends with the best", () => {
    const options = { trials: 27, seed: 1, epochs: 30 };
    const rounds = run(halving(space, options), ({ point, epochs = 0 }) => scored(smooth(point) - 1 / epochs));
    const epochs = rounds.flat().reduce((sum, proposal) => sum + (proposal.epochs ?? 0), 0);
    expect(epochs).toBe(costOf(rungsOf(27, 30)));
    for (const [index, round] of rounds.slice(1).entries()) {
      const before = (rounds[index] ?? []).map(({ point }) => smooth(point)).sort((a, b) => b - a);
      expect(round.map(({ point }) => smooth(point))).toEqual(before.slice(0, round.length));
    }
  });

  test("lets none go on that failed while another did not", () => {
    const rounds = run(halving(space, { trials: 9, seed: 2, epochs: 9 }), ({ point }) =>
      scored(smooth(point) > 0.2 ? Number.NaN : smooth(point)),
    );
    expect(rounds.at(-1)?.every(({ point }) => smooth(point) <= 0.2)).toBe(true);
  });
});

describe("ASHA", () => {
  /** Runs with so many at a time, of which a random one ends next. */
  function asynchronous(dimensions: readonly Dimension[], trials: number, atATime: number, seed: number): readonly Proposal[] {
    const search = asha(dimensions, { trials, seed: 1, epochs: 27 });
    const draws = randomFor(seed);
    const underWay: Proposal[] = [];
    const done: Proposal[] = [];
    for (;;) {
      const next = underWay.length < atATime ? search.next() : "wait";
      if (next === undefined) return done;
      if (next !== "wait") {
        underWay.push(next);
        continue;
      }
      const [ended] = underWay.splice(draws.integer(0, underWay.length - 1), 1) as [Proposal];
      done.push(ended);
      search.tell(ended, scored(smooth(ended.point)));
    }
  }

  test("tries each point once a rung, each rung's from the better third of the one below", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 8 }), fc.nat(1000), (trials, atATime, seed) => {
        const done = asynchronous(space, trials, atATime, seed);
        const keys = done.map(({ point, epochs }) => `${point.join()}@${epochs}`);
        expect(new Set(keys).size).toBe(keys.length);
        const rungs = rungsOf(trials, 27).map(({ epochs }) => done.filter((proposal) => proposal.epochs === epochs));
        expect(rungs[0]).toHaveLength(trials);
        for (const [index, rung] of rungs.slice(1).entries()) {
          const below = (rungs[index] ?? []).map(({ point }) => point.join());
          expect(rung.every(({ point }) => below.includes(point.join()))).toBe(true);
          // At the end the better third has gone on, and those that were of it for a while.
          expect(rung.length).toBeGreaterThanOrEqual(Math.floor(below.length / 3));
        }
      }),
      { numRuns: 50 },
    );
  });

  test("finds what the synchronous form finds, but for what it lets go on too early", () => {
    const done = asynchronous(space, 27, 4, 5);
    const last = done.filter(({ epochs }) => epochs === 27).map(({ point }) => smooth(point));
    const sync = run(halving(space, { trials: 27, seed: 1, epochs: 27 }), ({ point }) => scored(smooth(point)));
    expect(Math.max(...last)).toBe(bestOf(sync));
  });
});

test("values of choices are what the recipe lists", () => {
  expect(space.map(({ domain }) => valueAt(domain, 1))).toEqual([1, 1, 1, "b"]);
});
