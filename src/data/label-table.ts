import { LimbeckError } from "../errors.ts";

/** Labels as they are written in files, which become classes when all have been seen. */
export interface LabelTable {
  /**
   * @param where Of the image, for messages.
   * @returns What `labelOf` takes.
   * @throws LimbeckError for no label, or one that can't be.
   */
  add(label: string, where: () => string): number;
  /**
   * Whole numbers are the classes 0, 1, ...; of other labels each is the name of a class, in the order of the alphabet.
   *
   * @param where Of the data set, for messages.
   * @throws LimbeckError when whole numbers leave gaps.
   */
  finish(where: string): FinishedLabels;
}

export interface FinishedLabels {
  readonly classes: readonly string[];
  /** The index of the class of what `add` gave. */
  labelOf(added: number): number;
}

const MOST_CLASSES = 100_000;
const LONGEST = 1000;
const wholeNumber = /^-?\d+$/;

export function labelTable(): LabelTable {
  const numbers = new Map<string, number>();
  return {
    add(label, where) {
      const known = numbers.get(label);
      if (known !== undefined) return known;
      checkLabel(label, where);
      if (numbers.size === MOST_CLASSES) {
        throw new LimbeckError(`There are more than ${MOST_CLASSES} different labels.`, {
          where: where(),
          hint: "Say which column holds classes.",
        });
      }
      numbers.set(label, numbers.size);
      return numbers.size - 1;
    },
    finish(where) {
      const labels = [...numbers.keys()];
      const classes = labels.every((label) => String(Number(label)) === label) ? numbered(labels, where) : labels.sort();
      const byNumber = new Int32Array(classes.length);
      for (const [index, name] of classes.entries()) byNumber[numbers.get(name) as number] = index;
      return { classes, labelOf: (added) => byNumber[added] as number };
    },
  };
}

/** Where the classes have names: labels are their numbers. */
export function namedLabels(classes: readonly string[]): LabelTable {
  return {
    add(label, where) {
      checkLabel(label, where);
      const index = wholeNumber.test(label) ? Number(label) : classes.length;
      if (index < classes.length) return index;
      throw new LimbeckError(`The image has the label ${label}, but the classes are 0 to ${classes.length - 1}.`, {
        where: where(),
        hint: "Correct the label, or name every class.",
      });
    },
    finish: () => ({ classes, labelOf: (added) => added }),
  };
}

function checkLabel(label: string, where: () => string): void {
  if (label === "" || (wholeNumber.test(label) && Number(label) < 0)) {
    throw new LimbeckError(label === "" ? "The image has no label." : `The image has the label ${label}, which stands for none.`, {
      where: where(),
      hint: "Images without labels can't be used yet: leave them out.",
    });
  }
  if (label.length > LONGEST) {
    throw new LimbeckError(`The label has ${label.length} characters.`, { where: where(), hint: "Say which column holds the classes." });
  }
}

function numbered(labels: readonly string[], where: string): string[] {
  const present = new Set(labels);
  const classes = labels.map((_, index) => String(index));
  const missing = classes.find((name) => !present.has(name));
  if (missing === undefined) return classes;
  const other = labels.find((label) => Number(label) >= labels.length);
  throw new LimbeckError(`There is a label ${other}, but no ${missing}.`, {
    where,
    hint: "Number the classes from 0 without gaps, or write their names.",
  });
}

/**
 * A label as data has it: a text or a whole number; "" where there is none.
 *
 * @throws LimbeckError when it is anything else.
 */
export function labelText(value: unknown, where: () => string): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value.trim();
  if (typeof value === "bigint" || typeof value === "boolean" || Number.isInteger(value)) return String(value);
  throw new LimbeckError("The label is neither a text nor a whole number.", {
    where: where(),
    hint: "Say which column holds the classes.",
  });
}

/**
 * The keys and values of a JSON object.
 *
 * @throws LimbeckError when the text is none.
 */
export function jsonRecord(text: string, where: () => string): ReadonlyMap<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new LimbeckError("This is no JSON.", { where: where(), hint: (cause as Error).message, cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return new Map(Object.entries(value));
  throw new LimbeckError("This is no JSON object.", { where: where(), hint: "Write { ... } with a key for the label." });
}
