import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { explain, type LimbeckError } from "../errors.ts";
import { labelTable } from "./label-table.ts";

/** The classes of labels, and the class of each label. */
function classify(labels: readonly string[]) {
  const table = labelTable();
  const added = labels.map((label, row) => table.add(label, () => `row ${row}`));
  const { classes, labelOf } = table.finish("pets.csv");
  return { classes, of: added.map((number) => classes[labelOf(number)]) };
}

function complaint(labels: readonly string[]): string {
  try {
    classify(labels);
    return "none";
  } catch (error) {
    return explain(error as LimbeckError);
  }
}

describe("labels as written", () => {
  it("are names of classes, in alphabetical order", () => {
    expect(classify(["dog", "cat", "dog", "ant"])).toEqual({ classes: ["ant", "cat", "dog"], of: ["dog", "cat", "dog", "ant"] });
  });

  it("are classes from 0 when all are whole numbers, so that 10 comes after 9", () => {
    const labels = Array.from({ length: 12 }, (_, label) => String(11 - label));
    expect(classify(labels)).toEqual({ classes: labels.toReversed(), of: labels });
  });

  it("are names where one isn't a plain number", () => {
    expect(classify(["01", "2"]).classes).toEqual(["01", "2"]);
    expect(classify(["1.5", "1e3", "7"]).classes).toEqual(["1.5", "1e3", "7"]);
    expect(classify(["__proto__", "constructor"]).classes).toEqual(["__proto__", "constructor"]);
  });

  it("keep what they say, whatever it is", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string({ minLength: 1 }).map((text) => `n${text}`),
            fc.constantFrom("0", "00"),
          ),
          { minLength: 1 },
        ),
        (labels) => {
          fc.pre(labels.some((label) => label.startsWith("n")));
          const { classes, of } = classify(labels);
          expect(of).toEqual(labels);
          expect(classes).toEqual([...new Set(labels)].sort());
        },
      ),
    );
  });

  it.each([
    ["a gap", ["0", "1", "3"], /^There is a label 3, but no 2\. \(in pets\.csv\) — Number the classes/],
    ["classes from 1", ["1", "2"], /^There is a label 2, but no 0\./],
    ["an enormous number", ["0", "99999999999"], /^There is a label 99999999999, but no 1\./],
    ["no label", ["cat", ""], /^The image has no label\. \(in row 1\) — Images without labels can't be used yet/],
    ["a label that says there is none", ["0", "1", "-1"], /^The image has the label -1, which stands for none\. \(in row 2\)/],
    ["a text for a label", ["a".repeat(1001)], /^The label has 1001 characters\. \(in row 0\)/],
    [
      "a label of its own for each image",
      Array.from({ length: 100_001 }, (_, row) => `${row}.`),
      /^There are more than 100000 different labels\. \(in row 100000\)/,
    ],
  ])("are refused for %s", (_, labels, message) => {
    expect(complaint(labels)).toMatch(message);
  });
});
