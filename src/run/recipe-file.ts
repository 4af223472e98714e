import { dirname, extname, resolve } from "node:path";
import { parse as parseYaml, YAMLParseError } from "yaml";
import { LimbeckError } from "../errors.ts";
import { readBytes } from "./files.ts";

/** A recipe as it was written, not yet checked. */
export interface RecipeFile {
  readonly content: unknown;
  /** The directory that paths in the recipe are relative to. */
  readonly directory: string;
  readonly path: string;
}

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

/** JSON is YAML too, but its own parser's messages fit it better. */
async function readData(absolute: string, path: string): Promise<unknown> {
  const bytes = await readBytes(absolute);
  if (bytes.length > RECIPE_LIMIT) throw new LimbeckError(`The file has ${bytes.length} bytes; a recipe has at most ${RECIPE_LIMIT}.`, { where: path });
  const text = new TextDecoder().decode(bytes);
  try {
    return extname(path) === ".json" ? (JSON.parse(text) as unknown) : (parseYaml(text, { maxAliasCount: 100 }) as unknown);
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof YAMLParseError) && !(error instanceof ReferenceError)) throw error;
    throw new LimbeckError(`The recipe cannot be parsed: ${error.message.trim()}`, { where: path, hint: "Correct the syntax there." });
  }
}

async function importRecipe(absolute: string, path: string): Promise<unknown> {
  await readBytes(absolute);
  const { createJiti } = await import("jiti");
  const jiti = createJiti(import.meta.url, { alias: { limbeck: recipeEntry() }, moduleCache: false, fsCache: false });
  let loaded: unknown;
  try {
    loaded = await jiti.import(absolute, { default: true });
  } catch (error) {
    throw new LimbeckError(`The recipe cannot be loaded: ${error instanceof Error ? error.message : String(error)}`, { where: path, cause: error });
  }
  return typeof loaded === "function" ? ((await loaded()) as unknown) : loaded;
}

/** What `import ... from "limbeck"` in a recipe gets: this very package, wherever it is installed or built. */
function recipeEntry(): string {
  return new URL(import.meta.url.endsWith(".ts") ? "../index.ts" : "./index.js", import.meta.url).pathname;
}
