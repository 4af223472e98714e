import { isSameFamily, type Likeness } from "../../measure/likeness.ts";
import { mostInformative } from "../../measure/soft-targets.ts";
import { formatPercent, formatRatio, formatScalar } from "../../report/format.ts";
import type { AuditFigures, Difference, OtherArm } from "./figures.ts";
import { thresholds } from "./thresholds.ts";

export type Advice =
  | "distil"
  | "distil, but first"
  | "use an assistant"
  | "use an earlier checkpoint"
  | "use another teacher"
  | "do not distil";

/** What a figure says for or against distilling. */
export interface Finding {
  /** `against` alone is enough not to distil, `first` is to be put right before; of `for` and `note` the reader makes what they will. */
  readonly weight: "against" | "first" | "for" | "note";
  /** A sentence, with the figures in it. */
  readonly text: string;
}

export interface Verdict {
  readonly advice: Advice;
  /** The advice as a sentence. */
  readonly summary: string;
  /** What it follows from, the weightiest first. */
  readonly findings: readonly Finding[];
  /** Where the teacher says most beyond the class that it names. */
  readonly temperature: number;
  /** Losses and presets that suit the pair, the simplest first. */
  readonly methods: readonly string[];
}

type Decision = Pick<Verdict, "advice" | "summary">;
type Rule = (figures: AuditFigures) => (Finding & { readonly remedy?: string }) | undefined;

/** A difference that is no accident. */
export const isGain = ({ mean, margin }: Difference): boolean => mean > margin;

/**
 * Whether to distil, by figures and `thresholds` alone. Everything else being equal, a better teacher, a greater gain in the probe or a smaller
 * student never turns another verdict into "do not distil".
 */
export function verdictOf(figures: AuditFigures): Verdict {
  const found = rules.flatMap((rule) => rule(figures) ?? []);
  const order: readonly Finding["weight"][] = ["against", "first", "for", "note"];
  return {
    ...decide(figures, found),
    findings: found.map(({ weight, text }) => ({ weight, text })).sort((a, b) => order.indexOf(a.weight) - order.indexOf(b.weight)),
    temperature: mostInformative(figures.softTargets).temperature,
    methods: methodsFor(figures.likeness, figures.classes, isWide(figures)),
  };
}

function decide(figures: AuditFigures, found: readonly ReturnType<Rule>[]): Decision {
  const stop = found.find((finding) => finding?.weight === "against");
  if (stop) return { advice: "do not distil", summary: `Do not distil: ${stop.remedy}.` };
  const remedies = found.flatMap((finding) => (finding?.weight === "first" ? (finding.remedy ?? []) : []));
  if (remedies.length > 0) return { advice: "distil, but first", summary: `Distil, but first ${remedies.join(", and ")}.` };
  const { probe } = figures;
  if (!probe) return { advice: "distil", summary: "Distil: nothing speaks against it, though it was not tried." };
  const better = bestOther(probe.others);
  if (better) return instead(better);
  if (isGain(probe.taught.gain)) return { advice: "distil", summary: `Distil: the student gains ${points(probe.taught.gain)}.` };
  const triedAssistant = probe.others.some(({ kind }) => kind === "assistant");
  if (isWide(figures) && !triedAssistant) {
    return { advice: "use an assistant", summary: "Use an assistant: the student gains nothing from a teacher this much larger." };
  }
  const off = temperatureRemedy(figures);
  if (off) return { advice: "distil, but first", summary: `Distil, but first ${off}.` };
  return { advice: "do not distil", summary: "Do not distil: the student gains nothing that could be told from chance." };
}

/** Of those who teach better than the audited teacher, the best. */
function bestOther(others: readonly OtherArm[]): OtherArm | undefined {
  const better = others.filter(({ gain, lead }) => isGain(gain) && isGain(lead));
  return better.reduce<OtherArm | undefined>((best, one) => (best && best.lead.mean >= one.lead.mean ? best : one), undefined);
}

function instead({ kind, name, lead }: OtherArm): Decision {
  const by = `the student learns ${points(lead)} more from it`;
  if (kind === "assistant") return { advice: "use an assistant", summary: `Use an assistant, ${name}: ${by}.` };
  if (kind === "checkpoint") return { advice: "use an earlier checkpoint", summary: `Use an earlier checkpoint, ${name}: ${by}.` };
  return { advice: "use another teacher", summary: `Use another teacher, ${name}: ${by}.` };
}

/** What the teacher gets right once its classes and inputs are put right. */
export function bestAccuracy({ teacher: { scores, reordering, renormalized } }: AuditFigures): number {
  return Math.min(1, Math.max(scores.accuracy, reordering.accuracy) + (renormalized?.gain ?? 0));
}

/** By what the student is smaller: in parameters or operations, whichever is more. */
const reductionOf = ({ ratios: { parameters, flops } }: AuditFigures): number => Math.max(parameters, flops);
const isWide = (figures: AuditFigures): boolean => reductionOf(figures) > thresholds.mostReduction.value;

const rules: readonly Rule[] = [
  // Wrong for this data.
  (figures) => {
    const skill = (bestAccuracy(figures) - figures.chance) / (1 - figures.chance);
    return skill >= thresholds.skill.value
      ? undefined
      : {
          weight: "against",
          remedy: "the teacher is wrong for this data",
          text: `The teacher gets ${formatPercent(figures.teacher.scores.accuracy)} right, where always saying the most frequent class gets ${formatPercent(figures.chance)}; another order of its classes or other inputs don't help.`,
        };
  },
  // As big as the teacher.
  (figures) =>
    reductionOf(figures) >= thresholds.leastReduction.value
      ? undefined
      : {
          weight: "against",
          remedy: "the student is as big as the teacher",
          text: `The teacher has ${formatRatio(figures.ratios.parameters)} the student's parameters and ${formatRatio(figures.ratios.flops)} its FLOPs: nothing is saved. To make a network better by itself there is \`generations\`.`,
        },
  // No better than the student.
  (figures) => {
    const { alone, probe } = figures;
    const isSure = alone?.isMeasured || !(probe && isGain(probe.taught.gain));
    if (!alone || bestAccuracy(figures) > alone.accuracy) return undefined;
    const reached = `${alone.isMeasured ? "reaches" : "probably reaches"} ${formatPercent(alone.accuracy)} alone`;
    return {
      weight: isSure ? "against" : "note",
      remedy: "the teacher is no better than the student alone",
      text: `The student ${reached}, the teacher ${formatPercent(figures.teacher.scores.accuracy)}.`,
    };
  },
  // Nothing beyond labels.
  ({ softTargets, teacher: { givesProbabilities } }) => {
    const { darkKnowledge, temperature } = mostInformative(softTargets);
    return darkKnowledge >= thresholds.darkKnowledge.value || givesProbabilities
      ? undefined
      : {
          weight: "against",
          remedy: "the teacher's outputs carry nothing beyond labels",
          text: `At no temperature do soft targets differ from smoothed labels by more than ${formatScalar(darkKnowledge)} nats (T = ${formatScalar(temperature)}). \`labelSmoothing\` does the same without a teacher.`,
        };
  },
  ({ teacher: { givesProbabilities } }) =>
    givesProbabilities
      ? {
          weight: "first",
          remedy: "take the teacher's logits",
          text: "The teacher's outputs are probabilities, of which no temperature makes soft targets: export it without its last softmax.",
        }
      : undefined,
  // Classes in another order.
  ({ teacher: { scores, reordering } }) =>
    reordering.accuracy - scores.accuracy < thresholds.reordering.value
      ? undefined
      : {
          weight: "first",
          remedy: "put the teacher's classes in the order of the data",
          text: `As its classes are, the teacher gets ${formatPercent(scores.accuracy)} right; in the order ${orderText(reordering.order)} it would get ${formatPercent(reordering.accuracy)}.`,
        },
  // Inputs normalised otherwise.
  ({ teacher: { renormalized } }) =>
    !renormalized || renormalized.gain < thresholds.normalization.value
      ? undefined
      : {
          weight: "first",
          remedy: `give the teacher inputs normalised as it was trained (${renormalized.name})`,
          text: `With inputs ${renormalized.name} the teacher gets ${(100 * renormalized.gain).toFixed(1)} points more right than as they are now.`,
        },
  // Below its claim.
  (figures) => {
    const { claim } = figures.teacher;
    return claim === undefined || claim - bestAccuracy(figures) < thresholds.claim.value
      ? undefined
      : {
          weight: "first",
          remedy: "find out why the teacher does less than its file claims",
          text: `The teacher should reach ${formatPercent(claim)}, and gets ${formatPercent(figures.teacher.scores.accuracy)} right: look at how images are cut, scaled and normalised, and at its classes.`,
        };
  },
  ({ probe }) => probe && { weight: isGain(probe.taught.gain) ? "for" : "note", text: gainText(probe.taught.gain, probe.seeds.length) },
  // The gap to the student.
  (figures) => {
    const { alone } = figures;
    const gap = alone && bestAccuracy(figures) - alone.accuracy;
    if (gap === undefined || gap <= 0) return undefined;
    const expected = `The teacher is ${(100 * gap).toFixed(1)} points better than what the student ${alone?.isMeasured ? "reaches" : "probably reaches"} alone`;
    return gap < thresholds.gap.value
      ? { weight: "note", text: `${expected}: less than ${100 * thresholds.gap.value} points leave little to learn.` }
      : { weight: "for", text: `${expected}.` };
  },
  (figures) => sizeFinding(figures),
  (figures) => {
    const remedy = temperatureRemedy(figures);
    const at = figures.atRecipe;
    return remedy === undefined || !at
      ? undefined
      : {
          weight: "note",
          text: `At the recipe's temperature, ${formatScalar(at.temperature)}, soft targets say ${formatScalar(at.darkKnowledge)} nats beyond labels; at ${formatScalar(mostInformative(figures.softTargets).temperature)}, ${formatScalar(mostInformative(figures.softTargets).darkKnowledge)}.`,
        };
  },
  ({ teacher: { scores } }) => {
    const { calibrationError, scaling } = scores;
    if (calibrationError < thresholds.calibration.value || !scaling) return undefined;
    const sure = scaling.temperature > 1 ? "too sure" : "not sure enough";
    return {
      weight: "note",
      text: `The teacher is ${sure}: its calibration error is ${formatPercent(calibrationError)}; a temperature of ${formatScalar(scaling.temperature)} calibrates it.`,
    };
  },
  ({ probe }) =>
    !probe || probe.taught.agreement > probe.alone.agreement
      ? undefined
      : {
          weight: "note",
          text: `The taught student says what the teacher says no more often (${formatPercent(probe.taught.agreement)}) than the one alone (${formatPercent(probe.alone.agreement)}): it doesn't follow it.`,
        },
];

function sizeFinding(figures: AuditFigures): Finding | undefined {
  const reduction = reductionOf(figures);
  const { latency } = figures.ratios;
  if (reduction < thresholds.leastReduction.value) return undefined;
  const faster = `measured, it is ${formatRatio(latency)} as fast`;
  if (reduction < thresholds.worthwhile.value)
    return { weight: "note", text: `The student is ${formatRatio(reduction)} smaller, which saves little; ${faster}.` };
  if (isWide(figures)) {
    return {
      weight: "note",
      text: `The student is ${formatRatio(reduction)} smaller: beyond ${thresholds.mostReduction.value} the gap may be too large; ${faster}.`,
    };
  }
  return {
    weight: latency < thresholds.leastReduction.value ? "note" : "for",
    text: `The student is ${formatRatio(reduction)} smaller; ${faster}.`,
  };
}

/** What to do about the recipe's temperature, where soft targets say little at it. */
function temperatureRemedy({ softTargets, atRecipe }: AuditFigures): string | undefined {
  const { darkKnowledge, temperature } = mostInformative(softTargets);
  return atRecipe && atRecipe.darkKnowledge < thresholds.informative.value * darkKnowledge
    ? `set the temperature to about ${formatScalar(temperature)}`
    : undefined;
}

const MOST_SHOWN = 20;

function orderText(order: readonly number[]): string {
  return order.length > MOST_SHOWN ? `${order.slice(0, MOST_SHOWN).join(", ")}, …` : order.join(", ");
}

const points = ({ mean, margin }: Difference): string => `${(100 * mean).toFixed(2)} points (± ${(100 * margin).toFixed(2)})`;

function gainText(gain: Difference, seeds: number): string {
  const said = `In the probe the taught student is ${(100 * Math.abs(gain.mean)).toFixed(2)} points ${gain.mean >= 0 ? "better" : "worse"} than the one alone (${seeds} ${seeds === 1 ? "seed" : "seeds"}, ± ${(100 * gain.margin).toFixed(2)})`;
  return Math.abs(gain.mean) > gain.margin ? `${said}.` : `${said}: within the spread.`;
}

/** Logits first, which suit any pair; DIST for a wide gap (Huang et al., 2022, arXiv:2205.10536); features where the networks are alike. */
function methodsFor(likeness: Likeness, classes: number, wide: boolean): readonly string[] {
  const logits = ["hinton", ...(wide ? ["dist"] : []), ...(classes > 2 ? ["dkd"] : [])];
  if (isSameFamily(likeness))
    return [...logits, ...(likeness.student.kind === "attention" ? ["minilmv2", "pkd"] : ["similarity", "attention", "review"])];
  const { student, teacher } = likeness;
  return student.stages.length > 0 && teacher.stages.length > 0 ? [...logits, "ofa"] : logits;
}
