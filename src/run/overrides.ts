import { LimbeckError } from "../errors.ts";
import { parseYaml } from "./yaml.ts";

const FORM = /^([\w-]+(?:\.[\w-]+|\[\d+\])*)=(.*)$/s;
const INHERITED = new Set(["__proto__", "constructor", "prototype"]);

type Holder = Record<string, unknown>;

/**
 * A recipe with some keys changed, each given as `key=value`: `epochs=3`, `data.augment=[]`, `losses[0].kd.temperature=8`. Values are YAML;
 * `null` takes a key away. Objects and lists on the way to a key are made where they are missing; a list grows by one entry at most.
 *
 * @throws LimbeckError when an override is not of that form, or reaches into what is no object or list.
 */
export function applyOverrides(recipe: unknown, overrides: readonly string[]): unknown {
  if (overrides.length === 0) return recipe;
  const changed: unknown = structuredClone(recipe);
  for (const override of overrides) {
    const where = `--set ${override}`;
    const [, path, text] = FORM.exec(override) ?? [];
    if (path === undefined || text === undefined) {
      throw new LimbeckError("An override has the form key=value.", {
        where,
        hint: "For example: --set epochs=3 --set 'losses[0].kd.temperature=8'",
      });
    }
    const keys = path.split(/[.[\]]+/).filter((key) => key !== "");
    const last = keys.pop() as string;
    let holder = checkHolder(changed, "the recipe", keys[0] ?? last, where);
    for (const [depth, key] of keys.entries()) {
      const next = keys[depth + 1] ?? last;
      holder[key] ??= isIndex(next) ? [] : {};
      holder = checkHolder(holder[key], keys.slice(0, depth + 1).join("."), next, where);
    }
    const value = parseValue(text, where);
    if (value === null && !Array.isArray(holder)) delete holder[last];
    else holder[last] = value;
  }
  return changed;
}

const isIndex = (key: string): boolean => /^\d+$/.test(key);

/** The object or list that `key` can be set of. */
function checkHolder(value: unknown, name: string, key: string, where: string): Holder {
  if (INHERITED.has(key)) throw new LimbeckError(`No recipe has a key "${key}".`, { where });
  if (typeof value !== "object" || value === null) {
    throw new LimbeckError(`"${key}" cannot be set: ${name} is ${JSON.stringify(value)}, which has no keys.`, {
      where,
      hint: `Set the whole of it: --set '${name}={...}'`,
    });
  }
  if (Array.isArray(value) && !(isIndex(key) && Number(key) <= value.length)) {
    throw new LimbeckError(`"${key}" cannot be set: ${name} is a list of ${value.length}.`, {
      where,
      hint: `The next free place is ${name}[${value.length}].`,
    });
  }
  return value as Holder;
}

function parseValue(text: string, where: string): unknown {
  try {
    return parseYaml(text);
  } catch (error) {
    throw new LimbeckError(`The value cannot be parsed: ${(error as Error).message.split("\n")[0]}`, {
      where,
      hint: "Values are YAML, such as 3, [1, 2] or {a: 1}.",
    });
  }
}
