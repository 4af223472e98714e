import { dirname, extname, resolve } from "node:path";
import * as recipeFunctions from "../distill/recipe/define.ts";
import { LimbeckError } from "../errors.ts";
import { readBytes } from "./files.ts";
import { parseYaml } from "./yaml.ts";

/** A recipe as it was written, not yet checked. */
export interface RecipeFile {
  readonly content: unknown;
  /** The directory that paths in the recipe are relative to. */
  readonly directory: string;
  readonly path: string;
}

/** What `import ... from "limbeck"` in a recipe gets: this very code, wherever it was built to, without the parts that run recipes. */
const limbeck = { ...recipeFunctions, LimbeckError };

const RECIPE_LIMIT = 1_000_000;

/**
 * Reads a recipe: YAML and JSON are data and never run; TypeScript and JavaScript are programs of the user's own, whose default export
 * is the recipe.
 *
 * @throws LimbeckError when the file can't be read or parsed.
 */
export async function loadRecipeFile(path: string): Promise<RecipeFile> {
  const absolute = resolve(path);
  const directory = dirname(absolute);
  switch (extname(path)) {
    case ".yaml":
    case ".yml":
    case ".json":
      return { content: await readData(absolute, path), directory, path };
    case ".ts":
    case ".mts":
    case ".js":
    case ".mjs":
      return { content: await importRecipe(absolute, path), directory, path };
    default:
      throw new LimbeckError("A recipe is a .ts, .js, .yaml, .yml or .json file.", { where: path });
  }
}

/** JSON is YAML too, but only its own parser refuses what is YAML alone. */
async function readData(absolute: string, path: string): Promise<unknown> {
  const bytes = await readBytes(absolute);
  if (bytes.length > RECIPE_LIMIT)
    throw new LimbeckError(`The file has ${bytes.length} bytes; a recipe has at most ${RECIPE_LIMIT}.`, { where: path });
  const text = new TextDecoder().decode(bytes);
  try {
    return extname(path) === ".json" ? (JSON.parse(text) as unknown) : parseYaml(text);
  } catch (cause) {
    throw new LimbeckError(`The recipe cannot be parsed: ${(cause as Error).message.trim()}`, {
      where: path,
      hint: "Correct the syntax there.",
      cause,
    });
  }
}

async function importRecipe(absolute: string, path: string): Promise<unknown> {
  await readBytes(absolute);
  const { createJiti } = await import("jiti");
  const jiti = createJiti(import.meta.url, { virtualModules: { limbeck }, moduleCache: false, fsCache: false });
  try {
    const loaded: unknown = await jiti.import(absolute, { default: true });
    const content: unknown = typeof loaded === "function" ? await loaded() : loaded;
    // A recipe is data: a function or a promise in it is a mistake, better found here than when the recipe is written down.
    return structuredClone(content);
  } catch (cause) {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    throw new LimbeckError(`The recipe cannot be loaded: ${error.message.split("\n")[0]}`, {
      where: `${path}${lineOf(error, absolute)}`,
      hint: "Correct the recipe there.",
      cause,
    });
  }
}

/** `:LINE` of the file in which an error arose, as far as that is known. */
function lineOf({ message, stack = "" }: Error, file: string): string {
  const text = message + stack;
  const start = text.indexOf(`${file}:`);
  return start < 0 ? "" : (/^:\d+/.exec(text.slice(start + file.length))?.[0] ?? "");
}
