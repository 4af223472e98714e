import { BINS, expectedCalibrationError } from "../measure/calibration.ts";
import type { Scores } from "../measure/scores.ts";
import { randomFor } from "../random.ts";
import { pngDataUri } from "./png.ts";
import { type Disagreement, type EpochRecord, type ModelReport, type Report, reductionOf, retentionOf, sum } from "./report.ts";

const EPOCHS = 30;
const TEST_SAMPLES = 10_000;

/** A distillation as it might have gone, 784-1200-1200-10 into 784-50-50-10 on handwritten digits. Always the same numbers. */
export function reportFixture(): Report {
  const confusion = studentConfusion();
  const errors = TEST_SAMPLES - sum(confusion.map((row, label) => row[label] ?? 0));
  const teacher = model("mlp-1200-1200", 2_395_210, 4_785_600, { errors: 117, latency: [0.94, 10.6] });
  const student = model("mlp-50-50", 42_310, 84_400, { errors, latency: [0.044, 0.31], bestEpoch: 27 });
  const baseline = model("mlp-50-50", 42_310, 84_400, { errors: 295, latency: [0.044, 0.31], bestEpoch: 19 });
  return {
    limbeck: { schema: 1 },
    recipe: {
      data: { mnist: { validation: 5000 } },
      teacher: "./teacher.onnx",
      student: { zoo: "mlp", hidden: [50, 50] },
      losses: [{ crossEntropy: { weight: 0.3 } }, { kd: { weight: 0.7, temperature: { steps: { 0: 10, 5: 5, 15: 3 } } } }],
      optimizer: { adamw: { learningRate: { cosine: { from: 1e-3, warmup: 0.05 } } } },
      epochs: EPOCHS,
    },
    seed: 1,
    protocol:
      "MNIST: 55,000 training, 5,000 validation and 10,000 test images. " +
      "Accuracies are those of the last epoch on the test set; “best epoch” is the one with the highest validation accuracy. " +
      "Latency is the median of 200 runs after 20 warm-up runs, on two threads.",
    versions: { limbeck: "0.1.0", onnxruntime: "1.30.0", node: "20.20.2" },
    machine: { cpu: "AMD EPYC 7B13", cores: 2, memoryBytes: 8.35e9, os: "Linux 6.1 (x64)" },
    teacher,
    student,
    baseline,
    agreement: 0.9781,
    retention: retentionOf(teacher, student),
    reduction: reductionOf(teacher, student),
    epochs: EPOCHS,
    seconds: 252.4,
    curves: { student: curve("student"), baseline: curve("baseline") },
    classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    confusion,
    mistakes: disagreements()
      .filter(({ label, student }) => student.class !== label)
      .map(({ index, image, label, student }) => ({ index, image, label, prediction: student.class, probability: student.probability }))
      .sort((a, b) => b.probability - a.probability),
    disagreements: disagreements(),
  };
}

/** A training run: no teacher, so nothing to compare with. */
export function trainingReportFixture(): Report {
  const { teacher, baseline, agreement, retention, reduction, ...rest } = reportFixture();
  return { ...rest, curves: { student: curve("baseline") }, disagreements: [] };
}

function model(
  name: string,
  parameters: number,
  flops: number,
  { errors, latency: [one, many], bestEpoch }: { errors: number; latency: readonly [number, number]; bestEpoch?: number },
): ModelReport {
  const lastEpoch = 1 - errors / TEST_SAMPLES;
  return {
    name,
    parameters,
    flops,
    errors,
    bytes: parameters * 4 + 1_730,
    testSamples: TEST_SAMPLES,
    scores: scores(errors),
    accuracy:
      bestEpoch === undefined
        ? { lastEpoch, validation: lastEpoch - 0.0005 }
        : { lastEpoch, bestOnValidation: lastEpoch - 0.0007, bestEpoch, validation: lastEpoch - 0.001 },
    latencyMs: { batch1: { median: one, p95: one * 1.35 }, batch128: { median: many, p95: many * 1.2 } },
  };
}

/** Probabilities that are too sure by a third of what is missing to certainty. */
function scores(errors: number): Scores {
  const shares = Array.from({ length: BINS }, (_, bin) => (bin < 3 ? 0 : bin === BINS - 1 ? 10 * 2 ** BINS : 1.7 ** bin));
  const reliability = shares.map((share, bin) => {
    const confidence = share > 0 ? (bin + 0.55) / BINS : 0;
    return {
      samples: Math.round((TEST_SAMPLES * share) / sum(shares)),
      confidence,
      accuracy: confidence - 0.33 * confidence * (1 - confidence),
    };
  });
  return {
    accuracy: 1 - errors / TEST_SAMPLES,
    topFive: 1 - errors / TEST_SAMPLES / 20,
    crossEntropy: (4 * errors) / TEST_SAMPLES,
    brier: (1.7 * errors) / TEST_SAMPLES,
    calibrationError: expectedCalibrationError(reliability),
    reliability,
    scaling: { temperature: 1.4, before: 0.012, after: 0.004 },
  };
}

/** Errors that decay from 10 % towards a floor, with a little noise. */
function curve(role: "student" | "baseline"): readonly EpochRecord[] {
  const random = randomFor(7, role === "student" ? 0 : 1);
  const distilled = role === "student";
  return Array.from({ length: EPOCHS }, (_, index) => {
    const epoch = index + 1;
    const decay = epoch ** -0.85;
    const noise = (): number => 1 + 0.05 * random.normal();
    const temperature = index < 5 ? 10 : index < 15 ? 5 : 3;
    const hardShare = 0.1 + 0.25 * decay + 0.02 * Math.sin(epoch);
    const scalars: EpochRecord["scalars"] = distilled
      ? { "weight:crossEntropy": 0.3, "weight:kd": 0.7, "temperature:kd": temperature }
      : { "weight:crossEntropy": 1 };
    const crossEntropy = (0.28 * decay + (distilled ? 0.035 : 0.004)) * noise();
    const kd: EpochRecord["losses"] = distilled ? { kd: (1.9 * decay + 0.11) * (temperature / 8) ** 0.4 * noise() } : {};
    return {
      epoch,
      step: epoch * 430,
      seconds: 3.9 * noise(),
      learningRate: epoch === 1 ? 5e-4 : 5e-4 * (1 + Math.cos((Math.PI * (epoch - 1)) / EPOCHS)),
      scalars,
      losses: { crossEntropy, ...kd },
      ...(distilled && { gradientShares: { crossEntropy: hardShare, kd: 1 - hardShare } }),
      trainAccuracy: 1 - (distilled ? 0.108 * decay + 0.006 : 0.1 * epoch ** -1.15 - 0.0007) * noise(),
      validationAccuracy: 1 - (0.075 * decay + (distilled ? 0.0195 : 0.0265)) * noise(),
      validationLoss: (0.22 * decay + (distilled ? 0.075 : 0.082 + 0.0016 * epoch)) * noise(),
      samplesPerSecond: Math.round(14_100 * noise()),
    };
  });
}

const TEST_IMAGES_PER_DIGIT = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009];
const MISTAKEN: readonly (readonly [label: number, prediction: number, count: number])[] = [
  [4, 9, 16],
  [9, 4, 13],
  [7, 2, 11],
  [3, 5, 9],
  [5, 3, 8],
  [8, 3, 8],
  [2, 7, 7],
  [9, 7, 7],
  [7, 9, 7],
  [8, 5, 6],
  [2, 8, 6],
  [3, 8, 6],
  [6, 0, 6],
  [9, 8, 5],
];

function studentConfusion(): readonly (readonly number[])[] {
  const random = randomFor(11);
  return TEST_IMAGES_PER_DIGIT.map((samples, label) => {
    const row = TEST_IMAGES_PER_DIGIT.map((_, prediction) =>
      label === prediction
        ? 0
        : (MISTAKEN.find(([from, to]) => from === label && to === prediction)?.[2] ?? Math.max(0, random.integer(-2, 3))),
    );
    return row.map((count, prediction) => (prediction === label ? samples - sum(row) : count));
  });
}

function disagreements(): readonly Disagreement[] {
  const random = randomFor(13);
  return Array.from({ length: 36 }, (_, index) => {
    const [label, other] = MISTAKEN[index % MISTAKEN.length] ?? [0, 1];
    const outcome = index % 12 === 11 ? "neither" : index % 5 === 3 ? "student" : "teacher";
    const third = (label + 4) % 10 === other ? (label + 5) % 10 : (label + 4) % 10;
    return {
      index: random.integer(0, TEST_SAMPLES - 1),
      image: pngDataUri(drawDigit(label, index), 28, 28, 1),
      label,
      teacher: { class: outcome === "teacher" ? label : outcome === "student" ? other : third, probability: 0.5 + 0.49 * random.uniform() },
      student: { class: outcome === "student" ? label : other, probability: 0.4 + 0.45 * random.uniform() },
    };
  }).sort((a, b) => b.teacher.probability - a.teacher.probability);
}

/** Each digit as strokes through points of a 4 by 6 grid. */
const STROKES = [
  "10 31 34 16 04 02 10",
  "20 16",
  "01 10 30 32 06 36",
  "00 30 13 34 26 06",
  "20 03 34 24 20 26",
  "30 00 02 23 35 16 06",
  "30 02 05 16 35 23 03",
  "00 30 16",
  "20 01 33 35 16 04 30 20",
  "31 10 02 13 31 26",
];

/** A shaky, slanted 28×28 drawing of a digit: distance to the nearest stroke as ink. */
function drawDigit(digit: number, variant: number): Uint8Array {
  const random = randomFor(17, digit, variant);
  const slant = 0.35 * random.uniform() - 0.05;
  const points = (STROKES[digit] ?? "").split(" ").map((pair) => {
    const [column, row] = [Number(pair[0]), Number(pair[1])];
    return { x: 8 + column * 3.6 + slant * (3 - row) * 3.2 + random.normal() * 0.8, y: 5 + row * 3 + random.normal() * 0.7 };
  });
  return Uint8Array.from({ length: 28 * 28 }, (_, index) => {
    const distance = Math.min(
      ...points.slice(1).map((to, from) => distanceToSegment(index % 28, Math.floor(index / 28), points[from] ?? to, to)),
    );
    return Math.round(255 * Math.min(1, Math.max(0, 2.1 - distance)));
  });
}

interface Point {
  readonly x: number;
  readonly y: number;
}

function distanceToSegment(x: number, y: number, from: Point, to: Point): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const along = Math.min(1, Math.max(0, ((x - from.x) * dx + (y - from.y) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(x - from.x - along * dx, y - from.y - along * dy);
}
