import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Scores } from "../../measure/scores.ts";
import type { AuditFigures, Difference, OtherArm, Probe } from "./figures.ts";
import { thresholdRows } from "./thresholds.ts";
import { verdictOf } from "./verdict.ts";

/** A pair that should be distilled, but for what is given. */
interface Case {
  readonly accuracy?: number;
  readonly reordered?: number;
  readonly renormalized?: number;
  readonly claim?: number;
  readonly probabilities?: boolean;
  readonly calibrationError?: number;
  readonly reduction?: number;
  readonly latency?: number;
  /** Beyond labels, at T = 1, 4 and 16. */
  readonly dark?: readonly [number, number, number];
  /** Beyond labels at the recipe's temperature. */
  readonly atRecipe?: number;
  readonly alone?: number;
  readonly isMeasured?: boolean;
  /** In the probe; without one where null. */
  readonly gain?: number | null;
  readonly others?: readonly { readonly kind: OtherArm["kind"]; readonly gain: number; readonly lead: number }[];
}

const MARGIN = 0.004;
const difference = (mean: number): Difference => ({ mean, deviation: 0.002, margin: MARGIN });

function figures(one: Case): AuditFigures {
  const {
    accuracy = 0.9,
    reordered = accuracy,
    renormalized,
    claim,
    reduction = 4,
    latency = 3,
    dark = [0.02, 0.1, 0.03],
    atRecipe = 0.1,
  } = one;
  const scores: Scores = {
    accuracy,
    crossEntropy: 0.3,
    brier: 0.1,
    calibrationError: one.calibrationError ?? 0.02,
    reliability: [],
    scaling: { temperature: 2, before: 0.1, after: 0.02 },
  };
  const size = { name: "network", parameters: 1000, flops: 1000, latencyMs: 1 };
  const shape = { kind: "convolutions", stages: [[8, 7, 7]] } as const;
  const soft = (temperature: number, darkKnowledge: number) => ({
    temperature,
    topMass: 0.8,
    entropy: 0.5,
    effectiveClasses: 1.6,
    darkKnowledge,
  });
  const arm = { accuracies: [0.8, 0.8], agreement: 0.8 };
  const probe: Probe = {
    samples: 4000,
    epochs: 6,
    seeds: [0, 1],
    alone: arm,
    taught: { ...arm, agreement: 0.85, gain: difference(one.gain ?? 0.01) },
    others: (one.others ?? []).map(({ kind, gain, lead }, index) => ({
      ...arm,
      kind,
      name: `other-${index}`,
      gain: difference(gain),
      lead: difference(lead),
    })),
    isCutShort: false,
  };
  return {
    classes: 10,
    samples: 1000,
    chance: 0.12,
    teacher: {
      scores,
      claim,
      givesProbabilities: one.probabilities ?? false,
      reordering: { order: [1, 0], accuracy: reordered },
      ...(renormalized !== undefined && { renormalized: { name: "from 0 to 1", gain: renormalized } }),
    },
    ratios: { parameters: reduction, flops: reduction, latency },
    sizes: { student: size, teacher: size },
    likeness: { student: shape, teacher: shape, operators: 1, shared: 1 },
    softTargets: [soft(1, dark[0]), soft(4, dark[1]), soft(16, dark[2])],
    atRecipe: soft(4, atRecipe),
    alone: one.gain === null ? undefined : { accuracy: one.alone ?? 0.82, isMeasured: one.isMeasured ?? true },
    probe: one.gain === null ? undefined : probe,
  };
}

const adviceOf = (one: Case) => verdictOf(figures(one)).advice;

describe("verdictOf", () => {
  it.each<[what: string, one: Case, advice: string, summary: RegExp]>([
    ["a good teacher", {}, "distil", /gains 1\.00 points \(± 0\.40\)/],
    ["a good teacher that wasn't tried", { gain: null }, "distil", /not tried/],
    ["a teacher near chance", { accuracy: 0.13 }, "do not distil", /wrong for this data/],
    ["a student as big", { reduction: 1 }, "do not distil", /as big as the teacher/],
    ["a teacher that the student surpasses", { alone: 0.91 }, "do not distil", /no better than the student alone/],
    ["the same by an estimate, while the probe gains", { alone: 0.91, isMeasured: false }, "distil", /gains/],
    ["the same by an estimate, while it doesn't", { alone: 0.91, isMeasured: false, gain: 0 }, "do not distil", /no better/],
    ["smoothed labels", { dark: [0.001, 0.002, 0] }, "do not distil", /nothing beyond labels/],
    [
      "probabilities for logits",
      { dark: [0.001, 0.002, 0], probabilities: true, gain: null },
      "distil, but first",
      /take the teacher's logits/,
    ],
    ["classes in another order", { accuracy: 0.05, reordered: 0.93, gain: null }, "distil, but first", /classes in the order of the data/],
    ["other normalisation", { accuracy: 0.6, renormalized: 0.3, gain: null }, "distil, but first", /from 0 to 1/],
    ["less than was claimed", { claim: 0.96, gain: null }, "distil, but first", /less than its file claims/],
    ["as much as was claimed", { claim: 0.94 }, "distil", /gains/],
    ["no gain", { gain: 0.003 }, "do not distil", /gains nothing/],
    ["no gain from a much larger teacher", { gain: 0.003, reduction: 40 }, "use an assistant", /this much larger/],
    [
      "a loss, nor did an assistant help",
      { gain: -0.01, reduction: 40, others: [{ kind: "assistant", gain: 0.001, lead: 0.011 }] },
      "do not distil",
      /nothing/,
    ],
    [
      "a gain by an assistant",
      { gain: 0, reduction: 40, others: [{ kind: "assistant", gain: 0.01, lead: 0.01 }] },
      "use an assistant",
      /other-0/,
    ],
    [
      "a greater gain by a checkpoint",
      {
        others: [
          { kind: "checkpoint", gain: 0.02, lead: 0.01 },
          { kind: "teacher", gain: 0.015, lead: 0.005 },
        ],
      },
      "use an earlier checkpoint",
      /other-0: the student learns 1\.00 points/,
    ],
    ["a greater gain by another teacher", { others: [{ kind: "teacher", gain: 0.02, lead: 0.01 }] }, "use another teacher", /other-0/],
    ["a gain within the spread by another", { others: [{ kind: "teacher", gain: 0.012, lead: 0.002 }] }, "distil", /gains/],
    ["no gain at a temperature that says little", { gain: 0, atRecipe: 0.03 }, "distil, but first", /temperature to about 4/],
  ])("%s", (_, one, advice, summary) => {
    const verdict = verdictOf(figures(one));
    expect(verdict.advice).toBe(advice);
    expect(verdict.summary).toMatch(summary);
  });

  it("says what it follows from, the weightiest first, with figures", () => {
    const { findings, temperature, methods } = verdictOf(figures({ accuracy: 0.3, claim: 0.9, calibrationError: 0.2, reduction: 20 }));
    expect(findings.map(({ weight }) => weight)).toEqual(["against", "first", "for", "note", "note"]);
    expect(findings.map(({ text }) => text).join("\n")).toMatch(
      /82\.00 % alone, the teacher 30\.00 %.*should reach 90\.00 %.*1\.00 points better.*20\.0×.*20\.00 %; a temperature of 2 calibrates/s,
    );
    expect(temperature).toBe(4);
    expect(methods).toEqual(["hinton", "dist", "dkd", "similarity", "attention", "review"]);
  });

  const unit = fc.double({ min: 0, max: 1, noNaN: true });
  const shift = fc.double({ min: -0.05, max: 0.05, noNaN: true });
  const cases: fc.Arbitrary<Case> = fc.record({
    accuracy: unit,
    reordered: unit,
    claim: fc.option(unit, { nil: undefined }),
    renormalized: fc.option(unit, { nil: undefined }),
    probabilities: fc.boolean(),
    reduction: fc.double({ min: 0.2, max: 50, noNaN: true }),
    dark: fc.tuple(unit, unit, unit).map(([a, b, c]) => [a / 20, b / 20, c / 20] as const),
    atRecipe: unit.map((value) => value / 20),
    alone: unit,
    isMeasured: fc.boolean(),
    gain: fc.option(shift, { nil: null }),
    others: fc.array(
      fc.record({ kind: fc.constantFrom("checkpoint" as const, "teacher" as const, "assistant" as const), gain: shift, lead: shift }),
      { maxLength: 3 },
    ),
  });

  it.each<[what: string, better: (one: Case, by: number) => Case]>([
    ["a better teacher", (one, by) => ({ ...one, accuracy: Math.min(1, (one.accuracy ?? 0) + by) })],
    ["a greater gain", (one, by) => ({ ...one, gain: one.gain == null ? null : one.gain + by })],
    ["a smaller student", (one, by) => ({ ...one, reduction: (one.reduction ?? 1) * (1 + 20 * by) })],
    ["a student that is worse alone", (one, by) => ({ ...one, alone: Math.max(0, (one.alone ?? 0) - by) })],
  ])("never says not to distil because of %s", (_, better) => {
    fc.assert(
      fc.property(cases, unit, (one, by) => {
        if (adviceOf(one) !== "do not distil") expect(adviceOf(better(one, by))).not.toBe("do not distil");
      }),
      { numRuns: 500 },
    );
  });

  it("says to distil only if nothing speaks against it, and the probe gains where there is one", () => {
    fc.assert(
      fc.property(cases, (one) => {
        const { advice, findings } = verdictOf(figures(one));
        if (advice !== "distil") return;
        expect(findings.some(({ weight }) => weight === "against" || weight === "first")).toBe(false);
        expect(one.gain === null || (one.gain ?? 0) > MARGIN).toBe(true);
      }),
    );
  });
});

it("docs/audit.md lists every threshold as the code has it", () => {
  expect(readFileSync(new URL("../../../docs/audit.md", import.meta.url), "utf8")).toContain(thresholdRows());
});
