/** Test helper, not part of the package: losses on logits by their definitions. */
import { z } from "zod";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import type { LogitLoss, LossScene } from "./loss.ts";
import type { LossOf } from "./losses.fixture.ts";

export interface Settings {
  /** In place of the definition's own, which must be plain numbers. */
  readonly numbers?: Readonly<Record<string, number>>;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** What a definition builds of `student`, `teacher` and `labels`, as a recipe that gives these settings would have it. */
export const defined =
  <N extends string, S extends Described["numbers"], O extends z.ZodRawShape>(
    definition: LogitLoss<N, S, O>,
    settings: Settings = {},
  ): LossOf =>
  (parts, values) => {
    const { student, teacher = student, labels } = values as { student: Value; teacher?: Value; labels: Value };
    const [samples, classes] = student.shape.map(Number) as [number, number];
    const step = { labels: () => labels, truth: { labels }, indices: () => labels, tokenLabels: () => labels, samples, classes };
    return definition.build({ ...parts, ...given(definition, parts.g, settings), ...step, student, teacher });
  };

type Described = Pick<LogitLoss, "numbers" | "options">;

/** The numbers and options of a scene. */
export function given<S extends Described["numbers"], O extends z.ZodRawShape>(
  definition: { readonly numbers: S; readonly options: O },
  g: GraphBuilder,
  { numbers = {}, options = {} }: Settings = {},
): Pick<LossScene<S, O>, "numbers" | "options"> {
  const scalars = Object.entries(definition.numbers).map(([name, schema]) => [name, g.scalar(Number(schema.parse(numbers[name])))]);
  return {
    numbers: Object.fromEntries(scalars) as LossScene<S, O>["numbers"],
    options: z.strictObject(definition.options).parse(options) as LossScene<S, O>["options"],
  };
}

/** A formula of `student` and `teacher` alone. */
export const ofPair =
  (formula: (g: GraphBuilder, student: Value, teacher: Value) => Value): LossOf =>
  ({ g }, { student, teacher }) =>
    formula(g, student as Value, teacher as Value);
