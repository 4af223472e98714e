import { isSameFamily, type Likeness, type NetworkShape } from "../../measure/likeness.ts";
import { formatCount, formatMilliseconds, formatPercent, formatRatio, formatScalar } from "../../report/format.ts";
import type { AuditFigures, Difference, Probe } from "./figures.ts";

/** A table for the terminal and the page: its head, then rows of as many cells. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Names and values. */
export type Pairs = readonly (readonly [string, string])[];

export function accuracyPairs({ samples, chance, teacher, alone, probe }: AuditFigures): Pairs {
  const { scores, trainAccuracy, claim, reordering, renormalized } = teacher;
  return [
    ["Teacher, validation", `${formatPercent(scores.accuracy)} of ${samples.toLocaleString("en-US")} samples`],
    ...(trainAccuracy === undefined ? [] : [["on training samples", formatPercent(trainAccuracy)] as const]),
    ...(claim === undefined ? [] : [["as it claims", formatPercent(claim)] as const]),
    ["Most frequent class", formatPercent(chance)],
    ...(reordering.accuracy > scores.accuracy ? [["Classes in the best order", formatPercent(reordering.accuracy)] as const] : []),
    ...(renormalized ? [[`Inputs ${renormalized.name}`, `${(100 * renormalized.gain).toFixed(1)} points more`] as const] : []),
    ...(alone
      ? [["Student alone", `${formatPercent(alone.accuracy)} (${alone.isMeasured ? "measured" : "estimated from shorter runs"})`] as const]
      : []),
    ["Calibration error", formatPercent(scores.calibrationError)],
    ...(scores.scaling ? [["Calibrating temperature", formatScalar(scores.scaling.temperature)] as const] : []),
    ...(probe
      ? [
          ["Agreement, alone", formatPercent(probe.alone.agreement)] as const,
          ["Agreement, taught", formatPercent(probe.taught.agreement)] as const,
        ]
      : []),
  ];
}

export function sizeTable({ sizes, ratios }: AuditFigures): Table {
  const { student, teacher } = sizes;
  return {
    head: ["", "Teacher", "Student", "Teacher ÷ student"],
    rows: [
      ["Parameters", formatCount(teacher.parameters), formatCount(student.parameters), formatRatio(ratios.parameters)],
      ["FLOPs per sample", formatCount(teacher.flops), formatCount(student.flops), formatRatio(ratios.flops)],
      ["Latency, one thread", formatMilliseconds(teacher.latencyMs), formatMilliseconds(student.latencyMs), formatRatio(ratios.latency)],
    ],
  };
}

export function likenessText(likeness: Likeness): string {
  const { student, teacher, operators, shared } = likeness;
  const most = Math.max(student.stages.length, teacher.stages.length);
  const stages = most === 0 ? "no stages to compare" : `${shared} of ${most} stages at the same resolution`;
  return `teacher of ${shapeText(teacher)}; student of ${shapeText(student)}; operators alike by ${operators.toFixed(2)}, ${stages}: ${isSameFamily(likeness) ? "features can be compared" : "logits suit them"}`;
}

const shapeText = ({ kind, stages }: NetworkShape): string =>
  stages.length === 0 ? kind : `${kind} (${stages.map((stage) => stage.join("×")).join(", ")})`;

export function softTargetTable({ softTargets }: AuditFigures): Table {
  return {
    head: ["Temperature", "Highest probability", "Entropy, nats", "Effective classes", "Beyond labels, nats"],
    rows: softTargets.map(({ temperature, topMass, entropy, effectiveClasses, darkKnowledge }) => [
      formatScalar(temperature),
      formatPercent(topMass, 1),
      entropy.toFixed(3),
      effectiveClasses.toFixed(2),
      darkKnowledge.toFixed(4),
    ]),
  };
}

export function probeTable({ alone, taught, others }: Probe): Table {
  const row = (name: string, accuracies: readonly number[], gain?: Difference, lead?: Difference) => [
    name,
    accuracies.map((accuracy) => formatPercent(accuracy)).join(", "),
    gain ? differenceText(gain) : "",
    lead ? differenceText(lead) : "",
  ];
  return {
    head: ["Student", "Validation, by seed", "Against alone", "Against the teacher's"],
    rows: [
      row("alone", alone.accuracies),
      row("by the teacher", taught.accuracies, taught.gain),
      ...others.map(({ name, kind, accuracies, gain, lead }) =>
        row(kind === "assistant" ? `by an assistant, ${name}` : `by ${name}`, accuracies, gain, lead),
      ),
    ],
  };
}

/** In points: `+0.42 ± 0.20`. */
function differenceText({ mean, margin }: Difference): string {
  return `${mean < 0 ? "−" : "+"}${(100 * Math.abs(mean)).toFixed(2)} ± ${(100 * margin).toFixed(2)}`;
}

export function probeText({ samples, epochs, seeds, reach, isCutShort }: Probe): string {
  const longer = reach
    ? ` The student alone was also trained on ${reach.samples.toLocaleString("en-US")} for ${epochsText(reach.epochs)}: ${formatPercent(reach.accuracy)}.`
    : "";
  const short = isCutShort ? " The budget ended before all runs did." : "";
  return `Short runs on ${samples.toLocaleString("en-US")} training samples for ${epochsText(epochs)}, seeds ${seeds.join(", ")}.${longer}${short}`;
}

const epochsText = (epochs: number): string => `${epochs} ${epochs === 1 ? "epoch" : "epochs"}`;
