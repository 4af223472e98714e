import { z } from "zod";
import { type LossName, type LossTable, lossTable } from "../../losses/table.ts";
import { temperatureOption } from "../../losses/temperature.ts";
import { fraction, mustBe, oneOf, schedule, strict } from "../../options.ts";

const weight = schedule(z.number().nonnegative());
const tap = z.string().min(1);
const pairError = { error: ({ input }: { input?: unknown }) => mustBe("a name that both networks know, or [student's, teacher's]", input) };

const pairsError = { error: ({ input }: { input?: unknown }) => mustBe("a list of pairs, or one of uniform, last", input) };

/** What every loss on features takes. */
const ofFeatures = {
  /**
   * Names of taps: aliases such as `stage2`, tensors, nodes, or patterns with `*`; one name stands for itself in both networks. Or how the
   * loss's own series are put together: evenly, or from the last on.
   */
  pairs: z
    .union([z.enum(["uniform", "last"], pairsError), z.array(z.union([tap, z.tuple([tap, tap])], pairError)).min(1)], pairsError)
    .optional(),
};

type Weighted = { readonly weight: z.ZodDefault<typeof weight> };
type SchemaOf<D> = D extends { readonly of: infer Kind; readonly numbers: infer N; readonly options: infer O }
  ? z.ZodObject<Weighted & N & O & (Kind extends "features" ? typeof ofFeatures : unknown), z.core.$strict>
  : never;
type Schemas = { readonly [K in LossName]: SchemaOf<LossTable[K]> };

const schemas = Object.fromEntries(
  Object.entries(lossTable).map(([name, definition]) => [
    name,
    strict({
      weight: weight.default(definition.weight),
      ...definition.numbers,
      ...definition.options,
      ...(definition.of === "features" ? ofFeatures : {}),
    }),
  ]),
) as unknown as Schemas;

/** One loss of a recipe: `{ kd: { temperature: 4 } }`. */
export const lossSchema = oneOf({
  ...schemas,
  /** (1 − alpha)·cross-entropy + alpha·T²·KL. */
  hinton: strict({ temperature: temperatureOption.default(4), alpha: fraction.default(0.9) }),
});
