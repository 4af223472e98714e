import { parse as parseYaml } from "yaml";
import { LimbeckError } from "../errors.ts";

/**
 * A recipe with some keys changed, each given as `key=value`: `epochs=3`, `data.augment=[]`, `losses[0].kd.temperature=8`. Values are YAML.
 *
 * @throws LimbeckError when an override is not of that form, or reaches into what is no object.
 */
export function applyOverrides(recipe: unknown, overrides: readonly string[]): unknown {
  const changed: unknown = structuredClone(recipe);
  for (const override of overrides) {
    const equals = override.indexOf("=");
    const where = `--set ${override}`;
    if (equals < 1) throw new LimbeckError("An override has the form key=value.", { where, hint: "For example: --set epochs=3" });
    const path = override.slice(0, equals).split(/[.[\]]+/).filter((key) => key !== "");
    if (path.some((key) => key === "__proto__" || key === "constructor" || key === "prototype")) throw new LimbeckError("No recipe has such a key.", { where });
    let target: unknown = changed;
    for (const key of path.slice(0, -1)) {
      const holder = asHolder(target, where);
      target = holder[key] ??= {};
    }
    asHolder(target, where)[path.at(-1) as string] = parseValue(override.slice(equals + 1), where);
  }
  return changed;
}

function asHolder(target: unknown, where: string): Record<string, unknown> {
  if (typeof target !== "object" || target === null) throw new LimbeckError("The recipe has no object there to set a key of.", { where });
  return target as Record<string, unknown>;
}

function parseValue(text: string, where: string): unknown {
  try {
    return parseYaml(text) as unknown;
  } catch (error) {
    throw new LimbeckError(`The value cannot be parsed: ${error instanceof Error ? error.message.trim() : String(error)}`, { where });
  }
}
