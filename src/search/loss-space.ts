import { withPreset } from "../distill/recipe/presets.ts";
import { LimbeckError } from "../errors.ts";
import type { LossDefinition } from "../losses/loss.ts";
import { lossTable } from "../losses/table.ts";
import { type Dimension, type KeyPath, keyText } from "./space.ts";

/** A recipe, its preset written out, and what is looked for in it. */
export interface Spaced {
  readonly recipe: unknown;
  readonly dimensions: readonly Dimension[];
}

/** A loss of a recipe as it is written, and where. */
interface Place {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly path: KeyPath;
}

type Plain = Readonly<Record<string, unknown>>;
const isPlain = (value: unknown): value is Plain => typeof value === "object" && value !== null && !Array.isArray(value);
const definitionOf = (name: string): LossDefinition | undefined =>
  Object.hasOwn(lossTable, name) ? (lossTable as Readonly<Record<string, LossDefinition>>)[name] : undefined;

/** One temperature for all losses that have one. What a recipe says of it, be it a schedule, gives way. */
export function temperatureSpace(written: unknown, values: readonly number[]): Spaced {
  const recipe = withPreset(written, "the recipe");
  const paths = placesOf(recipe)
    .filter(({ name }) => name === "hinton" || name === "mutual" || definitionOf(name)?.numbers.temperature !== undefined)
    .map(({ path }) => [...path, "temperature"]);
  if (paths.length === 0) {
    throw new LimbeckError("None of the recipe's losses has a temperature.", { hint: "kd and hinton have one: `limbeck methods`." });
  }
  return { recipe, dimensions: [{ key: "temperature", paths, domain: { choices: values } }] };
}

/** Of (1 − alpha)·cross-entropy + alpha·T²·KL. */
const ALPHAS = [0.1, 0.3, 0.5, 0.7, 0.9, 0.97];

/** The weights of all losses that learn from a teacher, each times some factors; and alpha, where the loss has that. */
export function weightSpace(written: unknown, factors: readonly number[]): Spaced {
  const recipe = withPreset(written, "the recipe");
  const dimensions = placesOf(recipe).flatMap(({ name, options, path }): Dimension[] => {
    if (name === "hinton") return [dimension([...path, "alpha"], ALPHAS)];
    const definition = definitionOf(name);
    if (name !== "mutual" && (!definition || definition.needsTeacher === false)) return [];
    const weight = options.weight ?? definition?.weight ?? 1;
    return [
      dimension(
        [...path, "weight"],
        factors.map((factor) => times(weight, factor)),
      ),
    ];
  });
  if (dimensions.length === 0)
    throw new LimbeckError("None of the recipe's losses learns from a teacher.", { hint: "Add kd, for instance." });
  return { recipe, dimensions };
}

const dimension = (path: KeyPath, choices: readonly unknown[]): Dimension => ({ key: keyText(path), paths: [path], domain: { choices } });

/** Every loss that a recipe lists, in its stages too; and its mutual learning, where it has that. */
function placesOf(recipe: unknown): readonly Place[] {
  if (!isPlain(recipe)) return [];
  const inList = (list: unknown, path: KeyPath): Place[] =>
    Array.isArray(list)
      ? list.flatMap((loss: unknown, index) =>
          isPlain(loss)
            ? Object.entries(loss).flatMap(([name, options]) => (isPlain(options) ? [{ name, options, path: [...path, index, name] }] : []))
            : [],
        )
      : [];
  const stages: readonly unknown[] = Array.isArray(recipe.stages) ? recipe.stages : [];
  return [
    ...inList(recipe.losses, ["losses"]),
    ...stages.flatMap((stage, index) => (isPlain(stage) ? inList(stage.losses, ["stages", index, "losses"]) : [])),
    ...(isPlain(recipe.mutual) ? [{ name: "mutual", options: recipe.mutual, path: ["mutual"] }] : []),
  ];
}

/** Values of schedules by their keys; the other keys say when, and by how much. */
const VALUES = new Set(["value", "from", "to", "peak"]);

/** A number, or a schedule, times a factor. */
function times(weight: unknown, factor: number, isValue = true): unknown {
  if (typeof weight === "number") return isValue ? Number((weight * factor).toPrecision(12)) : weight;
  if (!isPlain(weight)) return weight;
  return Object.fromEntries(
    Object.entries(weight).map(([key, inside]) =>
      key === "steps" && isPlain(inside)
        ? [key, Object.fromEntries(Object.entries(inside).map(([epoch, value]) => [epoch, times(value, factor)]))]
        : [key, times(inside, factor, VALUES.has(key))],
    ),
  );
}
