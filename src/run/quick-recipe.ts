import { basename, extname, resolve } from "node:path";
import { type SourceKind, sourceKinds } from "../data/data-source.ts";
import { asTexts, findSource } from "../data/node/find-source.ts";
import { foreignOptions } from "../distill/recipe/data.ts";
import { LimbeckError } from "../errors.ts";

/** What the command line can name instead of, or on top of, a recipe. Paths are relative to the current directory. */
export interface Named {
  readonly data?: string;
  /** Height and width that images get. */
  readonly size?: number;
  /** Of texts. */
  readonly tokenizer?: string;
  readonly teacher?: string;
  readonly student?: string;
}

/** The overrides that put into a recipe what the command line names. */
export async function namedOverrides({ data, size, tokenizer, teacher, student }: Named): Promise<readonly string[]> {
  const found = data === undefined ? undefined : await findSource(data, process.cwd());
  const source = found && tokenizer !== undefined ? asTexts(found) : found;
  return [
    // In place of what a recipe names, and of what it says of that.
    ...(source ? sourceKinds.map((kind) => `data.${kind}=${JSON.stringify(source[kind] ?? null)}`) : []),
    ...(source ? foreignOptions(Object.keys(source)[0] as SourceKind).map((option) => `data.${option}=null`) : []),
    ...(size === undefined ? [] : [`data.size=${size}`]),
    ...(tokenizer === undefined ? [] : [`data.tokenizer=${JSON.stringify(resolve(tokenizer))}`]),
    ...(teacher === undefined ? [] : [`teacher=${JSON.stringify(resolve(teacher))}`]),
    ...(student === undefined ? [] : [`student=${JSON.stringify(networkOf(student))}`]),
  ];
}

/** The path of an ONNX file, or else the name of a network of the zoo. */
const networkOf = (student: string): unknown => (extname(student) === ".onnx" ? { zoo: "onnx", file: resolve(student) } : { zoo: student });

/**
 * The recipe of a run that was given none: soft targets at temperature 4, AdamW, ten epochs.
 *
 * @throws LimbeckError when the command line doesn't name all that it needs.
 */
export function quickRecipe(command: "distill" | "train", named: Named): unknown {
  const needed = command === "distill" ? (["data", "teacher", "student"] as const) : (["data", "student"] as const);
  const missing = needed.filter((name) => named[name] === undefined).map((name) => `--${name}`);
  if (missing.length > 0) {
    throw new LimbeckError(`Without a recipe, ${missing.join(" and ")} must be given.`, {
      hint: "`limbeck init` writes a recipe to start from.",
    });
  }
  const student = named.student as string;
  return {
    name: basename(student, extname(student)),
    data: {},
    student: networkOf(student),
    losses: command === "distill" ? [{ hinton: { temperature: 4 } }] : [{ crossEntropy: {} }],
    optimizer: { adamw: { learningRate: { cosine: { from: 1e-3, warmup: 0.05 } } } },
    epochs: 10,
  };
}
