import { classScores, macroScores, worstFirst } from "../measure/per-class.ts";
import { columns } from "./columns.ts";
import type { Evaluation } from "./evaluation.ts";
import { formatInteger, formatPercent, formatScalar } from "./format.ts";
import { commonMistakes, nameOf } from "./report.ts";
import { printable, truncate } from "./terminal-text.ts";

/** Up to so many classes are all shown, and their whole confusion. */
const MOST_CLASSES = 20;
const MOST_ROWS = 10;
const MOST_NAME = 24;

/** The evaluation for a terminal, ending with "\n". */
export function evaluationText(evaluation: Evaluation): string {
  const { model, data, split, samples, confusion } = evaluation;
  const isSmall = confusion.length <= MOST_CLASSES;
  return `${[
    printable(`${model} on ${data} (${split}, ${formatInteger(samples)} samples)`),
    "",
    ...totals(evaluation),
    "",
    ...classLines(evaluation, isSmall),
    "",
    ...(isSmall ? matrixLines(evaluation) : mistakeLines(evaluation)),
  ].join("\n")}\n`;
}

function totals({
  accuracy,
  topFive,
  errors,
  loss,
  brier,
  calibrationError,
  scaling,
  binary,
  reliability,
  confusion,
  teacher,
}: Evaluation): string[] {
  const { precision, recall, f1 } = macroScores(classScores(confusion));
  return [
    ["Accuracy", `${formatPercent(accuracy)} (${formatInteger(errors)} errors)`],
    ...(topFive === undefined ? [] : [["Top-5 accuracy", formatPercent(topFive)]]),
    ["Mean of classes", `precision ${formatPercent(precision)}, recall ${formatPercent(recall)}, F1 ${formatPercent(f1)}`],
    ...(binary ? [["Of the second class", `F1 ${formatPercent(binary.f1)}; Matthews' correlation ${binary.matthews.toFixed(4)}`]] : []),
    ["Cross-entropy", `${loss.toFixed(4)} nats`],
    ["Brier score", brier.toFixed(4)],
    ["Calibration error", `${formatPercent(calibrationError)} (${reliability.length} bins)`],
    ...(scaling
      ? [
          [
            "Best temperature",
            `${formatScalar(scaling.temperature)}, of half the samples; on the others it takes the calibration error from ${formatPercent(scaling.before)} to ${formatPercent(scaling.after)}`,
          ],
        ]
      : []),
    ...(teacher
      ? [
          [
            "Agreement",
            `${formatPercent(teacher.agreement)} with ${printable(teacher.model)}, of accuracy ${formatPercent(teacher.accuracy)}`,
          ],
        ]
      : []),
  ].map(([label = "", value = ""]) => `${label.padEnd(20)}${value}`);
}

function classLines({ classes, confusion }: Evaluation, isSmall: boolean): string[] {
  const named = classScores(confusion).map((scores, label) => ({ ...scores, name: shortName(classes, label) }));
  const shown = isSmall ? named : worstFirst(named).slice(0, MOST_ROWS);
  const percent = (value: number | undefined): string => formatPercent(value ?? Number.NaN, 1);
  return columns(
    [isSmall ? "class" : `class (the ${MOST_ROWS} of ${named.length} with the lowest F1)`, "samples", "precision", "recall", "F1"],
    shown.map(({ name, support, precision, recall, f1 }) => [
      name,
      formatInteger(support),
      percent(precision),
      percent(recall),
      percent(f1),
    ]),
  );
}

function matrixLines({ classes, confusion }: Evaluation): string[] {
  const isNamed = classes.some((name, label) => name !== String(label));
  const label = (index: number): string => (isNamed ? `${index} ${shortName(classes, index)}` : String(index));
  const width = Math.max(...confusion.flat().map((count) => String(count).length), 3);
  return [
    "Confusion: label by row, prediction by column",
    ...columns(
      ["", ...confusion.map((_, prediction) => String(prediction).padStart(width - 1))],
      confusion.map((row, index) => [label(index), ...row.map((count) => String(count || "."))]),
    ),
  ];
}

function mistakeLines({ classes, confusion }: Evaluation): string[] {
  return columns(
    ["label", "most often taken for", "samples", "of the label"],
    commonMistakes(confusion, MOST_ROWS).map(({ label, prediction, count, fraction }) => [
      shortName(classes, label),
      shortName(classes, prediction),
      formatInteger(count),
      formatPercent(fraction, 1),
    ]),
  );
}

const shortName = (classes: readonly string[], index: number): string => truncate(printable(nameOf(classes, index)), MOST_NAME);
