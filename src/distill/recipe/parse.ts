import type { z } from "zod";
import { LimbeckError } from "../../errors.ts";
import { mustBe } from "../../options.ts";
import { withPreset } from "./presets.ts";
import { type DataRecipe, data, type Recipe, recipeSchema } from "./schema.ts";

/**
 * Checks a recipe and fills in its defaults.
 *
 * @param source What to call it in messages, such as its file name.
 * @throws LimbeckError naming every key that is wrong and what is allowed there.
 */
export function parseRecipe(input: unknown, source = "the recipe"): Recipe {
  return parsed(recipeSchema, withPreset(input, source), source);
}

/** Checks the data of a recipe alone, and fills in its defaults. @throws LimbeckError as `parseRecipe`. */
export function parseData(input: unknown): DataRecipe {
  return parsed(data, input, "the data");
}

function parsed<T>(schema: z.ZodType<T>, input: unknown, source: string): T {
  const result = schema.safeParse(input, { error: describe });
  if (result.success) return result.data;
  const mistakes = result.error.issues.map(locate);
  const message =
    mistakes.length === 1 ? `${mistakes[0]}.` : `${mistakes.length} mistakes:\n${mistakes.map((mistake) => `  - ${mistake}`).join("\n")}`;
  throw new LimbeckError(message, { where: source, hint: "`limbeck init` writes a recipe that works, to start from." });
}

/** `losses[0].kd.temperature: must be greater than 0 (found -4)` */
function locate(issue: z.core.$ZodIssue): string {
  const { path, message } = deepest(issue);
  const where = path.reduce<string>(
    (text, key) => (typeof key === "number" ? `${text}[${key}]` : text ? `${text}.${String(key)}` : String(key)),
    "",
  );
  return where ? `${where}: ${message}` : `The recipe ${message}`;
}

/** Where a value fits none of several forms, the mistake inside the form it comes closest to says the most. */
function deepest(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== "invalid_union") return issue;
  const inside = issue.errors
    .flatMap((issues) => issues.map(deepest))
    .filter(({ code, path }) => code !== "invalid_type" || path.length > 0);
  if (inside.length === 0) return issue;
  const best = inside.reduce((a, b) => (b.path.length > a.path.length ? b : a));
  return { ...best, path: [...issue.path, ...best.path] };
}

const kinds: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a number",
  string: "a text",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  record: "an object",
};

/** What is wrong, for a key that the schema itself says nothing more about. */
function describe(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return mustBe(kinds[issue.expected] ?? issue.expected, issue.input);
    case "too_small":
      return outside(issue, issue.inclusive ? "at least" : "greater than", issue.minimum);
    case "too_big":
      return outside(issue, issue.inclusive ? "at most" : "less than", issue.maximum);
    case "invalid_value":
      return mustBe(`${issue.values.length > 1 ? "one of " : ""}${issue.values.map(String).join(", ")}`, issue.input);
    case "invalid_key":
      return issue.issues[0]?.message;
    default:
      return undefined;
  }
}

function outside({ origin, input }: { origin: string; input?: unknown }, relation: string, limit: number | bigint): string {
  if (origin === "string") return "must not be empty";
  return origin === "array" ? `must have ${relation} ${limit} ${limit === 1 ? "entry" : "entries"}` : mustBe(`${relation} ${limit}`, input);
}
