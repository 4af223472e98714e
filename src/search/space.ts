import { z } from "zod";
import { LimbeckError } from "../errors.ts";
import { mustBe, positive, strict } from "../options.ts";
import type { Random } from "../random.ts";

/** What a value is looked for among. */
export type Domain =
  | { readonly choices: readonly unknown[] }
  | { readonly min: number; readonly max: number; readonly log: boolean; readonly step?: number };

export type KeyPath = readonly (string | number)[];

/** A value that is looked for, at one place in a recipe or at several, which then are alike. */
export interface Dimension {
  /** For people: `losses[0].kd.temperature`. */
  readonly key: string;
  readonly paths: readonly KeyPath[];
  readonly domain: Domain;
}

/** A place in the space: of each dimension the index of a choice, or a number of the range. */
export type Point = readonly number[];

const list = z.array(z.unknown()).min(1);
const range = strict({ min: z.number(), max: z.number(), log: z.boolean().default(false), step: positive.optional() });

/**
 * Every `{ search: ... }` in a recipe as it is written: `{ search: [1, 2, 4] }`, or `{ search: { min, max, log?, step? } }`.
 *
 * @throws LimbeckError that names the key, where one is neither.
 */
export function findSpace(recipe: unknown): readonly Dimension[] {
  const found: Dimension[] = [];
  const walk = (value: unknown, path: KeyPath): void => {
    if (typeof value !== "object" || value === null) return;
    if (!Array.isArray(value) && Object.hasOwn(value, "search")) {
      const others = Object.keys(value).filter((key) => key !== "search");
      if (others.length > 0) throw mistake(path, `\`search\` stands for the whole value, so ${others.join(", ")} can't be beside it`);
      found.push({ key: keyText(path), paths: [path], domain: domainOf((value as { search: unknown }).search, path) });
    } else {
      const isList = Array.isArray(value);
      for (const [key, inside] of Object.entries(value)) walk(inside, [...path, isList ? Number(key) : key]);
    }
  };
  walk(recipe, []);
  return found;
}

function domainOf(given: unknown, path: KeyPath): Domain {
  const at = [...path, "search"];
  if (Array.isArray(given)) {
    if (!list.safeParse(given).success) throw mistake(at, "must have at least one choice");
    const seen = given.map((choice) => JSON.stringify(choice));
    const twice = seen.findIndex((text, index) => seen.indexOf(text) !== index);
    if (twice !== -1) throw mistake(at, `has ${seen[twice]} twice`);
    return { choices: given };
  }
  const parsed = range.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const inside = [...at, ...((issue?.path ?? []) as KeyPath)];
    if (typeof given !== "object" || given === null)
      throw mistake(at, mustBe("a list of choices, or an object with min, max, log, step", given));
    throw mistake(
      inside,
      issue?.message.startsWith("Invalid input") ? mustBe("a number", read(given, issue.path as KeyPath)) : `${issue?.message}`,
    );
  }
  const { min, max, log } = parsed.data;
  if (!(min < max)) throw mistake(at, `must have min below max (found ${min} and ${max})`);
  if (log && min <= 0) throw mistake(at, `must have min above 0, since it is logarithmic (found ${min})`);
  return parsed.data;
}

const mistake = (path: KeyPath, what: string): LimbeckError =>
  new LimbeckError(`${keyText(path)}: ${what}.`, { where: "the recipe", hint: "docs/search.md says what can be searched, and how." });

export function keyText(path: KeyPath): string {
  return path.reduce<string>((text, key) => (typeof key === "number" ? `${text}[${key}]` : text ? `${text}.${key}` : key), "");
}

function read(value: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>((inside, key) => (inside as Readonly<Record<string | number, unknown>> | undefined)?.[key], value);
}

/** A recipe with the values of a point in it. The keys on the way are there already. */
export function withPoint(recipe: unknown, dimensions: readonly Dimension[], point: Point): unknown {
  const changed: unknown = structuredClone(recipe);
  for (const [index, { paths, domain }] of dimensions.entries()) {
    for (const path of paths) {
      const holder = read(changed, path.slice(0, -1)) as Record<string | number, unknown>;
      holder[path.at(-1) as string | number] = structuredClone(valueAt(domain, point[index] as number));
    }
  }
  return changed;
}

/** What a coordinate stands for. */
export function valueAt(domain: Domain, coordinate: number): unknown {
  return "choices" in domain ? domain.choices[coordinate] : coordinate;
}

/** The values of a point by their keys. */
export function valuesOf(dimensions: readonly Dimension[], point: Point): Readonly<Record<string, unknown>> {
  return Object.fromEntries(dimensions.map(({ key, domain }, index) => [key, valueAt(domain, point[index] as number)]));
}

/** How many values there are; Infinity in a range without steps. */
export function countOf(domain: Domain): number {
  if ("choices" in domain) return domain.choices.length;
  return domain.step === undefined ? Number.POSITIVE_INFINITY : Math.floor((domain.max - domain.min) / domain.step + 1e-9) + 1;
}

/** The coordinate that lies so far along a range, from 0 to 1. */
export function coordinateAt(domain: Extract<Domain, { readonly min: number }>, along: number): number {
  const { min, max, log, step } = domain;
  const value = log ? min * (max / min) ** along : min + (max - min) * along;
  if (step === undefined) return Math.min(max, Math.max(min, Number(value.toPrecision(4))));
  const steps = Math.min(countOf(domain) - 1, Math.max(0, Math.round((value - min) / step)));
  return Number((min + steps * step).toPrecision(12));
}

/** How far along a range a value lies, from 0 to 1. */
export function alongOf({ min, max, log }: Extract<Domain, { readonly min: number }>, value: number): number {
  return log ? Math.log(value / min) / Math.log(max / min) : (value - min) / (max - min);
}

/** Each value that a grid has of a domain. @param points Of a range without steps, ends included. */
export function gridOf(domain: Domain, points: number): readonly number[] {
  const count = countOf(domain);
  if ("choices" in domain) return Array.from({ length: count }, (_, index) => index);
  if (Number.isFinite(count))
    return Array.from({ length: count }, (_, step) => Number((domain.min + step * (domain.step ?? 1)).toPrecision(12)));
  return [...new Set(Array.from({ length: points }, (_, index) => coordinateAt(domain, points === 1 ? 0.5 : index / (points - 1))))];
}

/** A uniform draw: of choices each alike, of a logarithmic range each power. */
export function draw(domain: Domain, random: Random): number {
  if ("choices" in domain) return random.integer(0, domain.choices.length - 1);
  if (domain.step === undefined || domain.log) return coordinateAt(domain, random.uniform());
  return Number((domain.min + random.integer(0, countOf(domain) - 1) * domain.step).toPrecision(12));
}
