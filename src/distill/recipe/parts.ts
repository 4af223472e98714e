import { z } from "zod";

/** An object that refuses keys it does not know, and says which it knows. */
export function strict<S extends z.ZodRawShape>(shape: S) {
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== "unrecognized_keys") return undefined;
      const unknown = (issue.keys as string[]).map((key) => `"${key}"`).join(", ");
      return `unknown key ${unknown}; allowed are ${Object.keys(shape).join(", ")}`;
    },
  });
}

type Options = Readonly<Record<string, z.ZodType>>;
type OneOfInput<O extends Options> = { [K in keyof O]: { readonly [P in K]: z.input<O[P]> } }[keyof O];
type OneOfOutput<O extends Options> = { [K in keyof O]: { readonly [P in K]: z.output<O[P]> } }[keyof O];

/** An object with exactly one key, which says what it is: `{ kd: { temperature: 4 } }`. */
export function oneOf<O extends Options>(options: O): z.ZodType<OneOfOutput<O>, OneOfInput<O>> {
  const shape = Object.fromEntries(Object.entries(options).map(([key, schema]) => [key, schema.optional()]));
  const names = Object.keys(options).join(", ");
  return strict(shape).refine((value) => Object.keys(value).length === 1, `must have exactly one key of ${names}`) as unknown as z.ZodType<
    OneOfOutput<O>,
    OneOfInput<O>
  >;
}

export const positive = z.number().positive();
export const nonNegative = z.number().nonnegative();
export const count = z.int().positive();
export const fraction = z.number().min(0).max(1);

/** A number over the run: fixed, or a schedule whose every value must satisfy `value`. */
export function schedule(value: z.ZodNumber) {
  const warmup = fraction.optional();
  return z.union([
    value,
    oneOf({
      /** Value from an epoch on, by epoch. */
      steps: z.record(z.string().regex(/^\d+$/, "must be an epoch number"), value).refine((byEpoch) => "0" in byEpoch, "must say the value from epoch 0"),
      constant: strict({ value, warmup }),
      linear: strict({ from: value, to: value, warmup }),
      cosine: strict({ from: value, to: value.optional(), warmup }),
      stepDecay: strict({ from: value, at: z.array(count).min(1), factor: positive, warmup }),
      oneCycle: strict({ peak: value, rise: fraction.optional(), divisor: positive.optional() }),
    }),
  ]);
}

export type ScheduleInput = z.input<ReturnType<typeof schedule>>;
export type ScheduleRecipe = z.output<ReturnType<typeof schedule>>;
