import { parseDocument } from "yaml";

/** A small recipe that names itself many times over would fill the memory. */
const MOST_ALIASES = 100;

/**
 * The value of a YAML text. It is data only: a tag that would make anything else of it is an error, never run.
 *
 * @throws Error that says what is wrong, in which line.
 */
export function parseYaml(text: string): unknown {
  const document = parseDocument(text);
  const [mistake] = [...document.errors, ...document.warnings];
  if (mistake?.code === "MULTIPLE_DOCS") throw new Error("There is more than one document in it (---).");
  if (mistake) throw mistake;
  return document.toJS({ maxAliasCount: MOST_ALIASES }) as unknown;
}
