import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LimbeckError } from "../errors.ts";
import { randomFor } from "../random.ts";
import { gridPoints } from "./grid.ts";
import { sampler } from "./random.ts";
import { alongOf, coordinateAt, countOf, type Dimension, draw, findSpace, valuesOf, withPoint } from "./space.ts";

const range = fc
  .record({
    min: fc.double({ min: 0.001, max: 100, noNaN: true }),
    span: fc.double({ min: 0.1, max: 1000, noNaN: true }),
    log: fc.boolean(),
  })
  .map(({ min, span, log }) => ({ min, max: min + span, log }));
const stepped = fc
  .record({ min: fc.integer({ min: -20, max: 20 }), count: fc.integer({ min: 1, max: 6 }), step: fc.constantFrom(0.1, 0.25, 1, 3) })
  .map(({ min, count, step }) => ({ min, max: min + count * step, log: false, step }));
const choices = fc.uniqueArray(fc.integer(), { minLength: 1, maxLength: 4 }).map((list) => ({ choices: list }));
const dimension = (domain: Dimension["domain"], index: number): Dimension => ({ key: `key${index}`, paths: [[`key${index}`]], domain });
const finite = fc.array(fc.oneof(stepped, choices), { minLength: 1, maxLength: 3 }).map((domains) => domains.map(dimension));

const recipe = {
  data: { idx: "mnist", augment: [{ shift: { search: [1, 2] } }] },
  losses: [{ kd: { temperature: { search: { min: 1, max: 20, log: true } } } }],
  optimizer: { search: [{ sgd: { learningRate: 0.1 } }, { adamw: { learningRate: 0.001 } }] },
};

test("values to search are found wherever they are, and put there", () => {
  const space = findSpace(recipe);
  expect(space.map(({ key }) => key)).toEqual(["data.augment[0].shift", "losses[0].kd.temperature", "optimizer"]);
  const point = [1, 4.5, 0];
  expect(withPoint(recipe, space, point)).toEqual({
    data: { idx: "mnist", augment: [{ shift: 2 }] },
    losses: [{ kd: { temperature: 4.5 } }],
    optimizer: { sgd: { learningRate: 0.1 } },
  });
  expect(valuesOf(space, point)).toEqual({
    "data.augment[0].shift": 2,
    "losses[0].kd.temperature": 4.5,
    optimizer: { sgd: { learningRate: 0.1 } },
  });
  expect(recipe.optimizer.search).toHaveLength(2);
});

describe("a search that is none is a mistake that names its key", () => {
  test.each<[unknown, RegExp]>([
    [[], /^a\.b\[0\]\.search: must have at least one choice/],
    [[4, 4], /^a\.b\[0\]\.search: has 4 twice/],
    ["4", /^a\.b\[0\]\.search: must be a list of choices, or an object with min, max, log, step \(found "4"\)/],
    [{ min: 1 }, /^a\.b\[0\]\.search\.max: is missing; it must be a number/],
    [{ min: 1, max: 1 }, /must have min below max \(found 1 and 1\)/],
    [{ min: 0, max: 1, log: true }, /must have min above 0/],
    [{ min: 0, max: 1, steps: 3 }, /unknown key "steps"; allowed are min, max, log, step/],
  ])("%j", (search, message) => {
    const found = () => findSpace({ a: { b: [{ search }] } });
    expect(found).toThrow(LimbeckError);
    expect(found).toThrow(message);
  });

  test("beside other keys", () => {
    expect(() => findSpace({ epochs: { search: [1], weight: 2 } })).toThrow(/^epochs: `search` stands for the whole value, so weight/);
  });
});

test("a grid has every combination once", () => {
  fc.assert(
    fc.property(finite, (space) => {
      const points = gridPoints(space);
      expect(points).toHaveLength(space.reduce((product, { domain }) => product * countOf(domain), 1));
      expect(new Set(points.map((point) => point.join())).size).toBe(points.length);
    }),
  );
});

test("a sampler gives each point of a finite space once, in an order of its seed", () => {
  fc.assert(
    fc.property(finite, fc.nat(), (space, seed) => {
      const drawn = (from: number) => {
        const { next } = sampler(space, randomFor(from));
        return [
          ...(function* () {
            for (let point = next(); point; point = next()) yield point.join();
          })(),
        ];
      };
      expect(drawn(seed)).toEqual(drawn(seed));
      expect(drawn(seed).toSorted()).toEqual(
        gridPoints(space)
          .map((point) => point.join())
          .sort(),
      );
    }),
  );
});

test("what is drawn of a range lies in it, on its steps", () => {
  fc.assert(
    fc.property(fc.oneof(range, stepped), fc.nat(), (domain, seed) => {
      const value = draw(domain, randomFor(seed));
      expect(value).toBeGreaterThanOrEqual(domain.min - 1e-9);
      expect(value).toBeLessThanOrEqual(domain.max + 1e-9);
      if ("step" in domain && domain.step !== undefined) {
        const steps = (value - domain.min) / domain.step;
        expect(Math.abs(steps - Math.round(steps))).toBeLessThan(1e-6);
      }
    }),
  );
});

test("coordinates and how far they lie along a range are one another's inverse", () => {
  fc.assert(
    fc.property(range, fc.double({ min: 0, max: 1, noNaN: true }), (domain, along) => {
      // Values have four digits.
      const slack = (0.001 * domain.max) / (domain.log ? domain.min * Math.log(domain.max / domain.min) : domain.max - domain.min);
      expect(Math.abs(alongOf(domain, coordinateAt(domain, along)) - along)).toBeLessThan(slack);
    }),
  );
});

test("a logarithmic range has equal factors in a grid", () => {
  const space = findSpace({ x: { search: { min: 1, max: 16, log: true } } });
  expect(gridPoints(space)).toEqual([[1], [2], [4], [8], [16]]);
});

test("a grid too large to be meant is refused", () => {
  const space = findSpace(Array.from({ length: 6 }, () => ({ search: { min: 0, max: 1 } })));
  expect(() => gridPoints(space)).toThrow("The grid has 15,625 points.");
});
