import type { z } from "zod";
import { LimbeckError } from "../../errors.ts";
import { type Recipe, recipeSchema } from "./schema.ts";

/**
 * Checks a recipe and fills in its defaults.
 *
 * @param source What to call it in messages, such as its file name.
 * @throws LimbeckError naming every key that is wrong and what is allowed there.
 */
export function parseRecipe(input: unknown, source = "the recipe"): Recipe {
  const result = recipeSchema.safeParse(input);
  if (result.success) return result.data;
  const problems = result.error.issues.map(describe);
  throw new LimbeckError(problems.length === 1 ? `${problems[0]}.` : `${problems.length} mistakes:\n${problems.map((problem) => `  - ${problem}`).join("\n")}\n`, {
    where: source,
    hint: "`limbeck init` writes a recipe that works, to start from.",
  });
}

function describe(issue: z.core.$ZodIssue): string {
  const { path, message } = deepest(issue);
  const where = path.reduce<string>((text, key) => (typeof key === "number" ? `${text}[${key}]` : text ? `${text}.${String(key)}` : String(key)), "");
  return where ? `${where}: ${message}` : message;
}

/** Where a value fits none of several forms, the mistake inside the form it comes closest to says the most. */
function deepest(issue: z.core.$ZodIssue): { path: PropertyKey[]; message: string } {
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return issue;
  const nested = issue.errors.flatMap((issues) => issues.map(deepest));
  const best = nested.reduce((a, b) => (rank(b) > rank(a) ? b : a));
  return { path: [...issue.path, ...best.path], message: best.message };
}

/** Deeper is closer; at the same depth, anything says more than "expected another type". */
function rank({ path, message }: { path: PropertyKey[]; message: string }): number {
  return 2 * path.length + (message.startsWith("Invalid input") ? 0 : 1);
}
