import { z } from "zod";

/** What a value must be, and what it is instead: `must be a number (found "hot")`. */
export function mustBe(what: string, value: unknown): string {
  return value === undefined ? `is missing; it must be ${what}` : `must be ${what} (found ${nameOf(value)})`;
}

const MOST_SHOWN = 40;

function nameOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length > MOST_SHOWN ? `${value.slice(0, MOST_SHOWN)}...` : value);
}

/** An object that refuses keys it does not know, and says which it knows. */
export function strict<S extends z.ZodRawShape>(shape: S, what = "an object with some of the keys") {
  const keys = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code === "invalid_type") return mustBe(`${what} ${keys}`, issue.input);
      if (issue.code !== "unrecognized_keys") return undefined;
      return `has the unknown key ${issue.keys.map((key) => JSON.stringify(key)).join(", ")}; allowed are ${keys}`;
    },
  });
}

type Options = Readonly<Record<string, z.ZodType>>;
type OneOfInput<O extends Options> = { [K in keyof O]: { readonly [P in K]: z.input<O[P]> } }[keyof O];
type OneOfOutput<O extends Options> = { [K in keyof O]: { readonly [P in K]: z.output<O[P]> } }[keyof O];

/** An object with exactly one key, which says what it is: `{ kd: { temperature: 4 } }`. */
export function oneOf<O extends Options>(options: O): z.ZodType<OneOfOutput<O>, OneOfInput<O>> {
  const shape = Object.fromEntries(Object.entries(options).map(([key, schema]) => [key, schema.optional()]));
  const what = "an object with exactly one key of";
  const exactlyOne = strict(shape, what).refine((value) => Object.keys(value).length === 1, {
    error: `must be ${what} ${Object.keys(options).join(", ")}`,
    when: ({ issues }) => issues.length === 0,
  });
  return exactlyOne as unknown as z.ZodType<OneOfOutput<O>, OneOfInput<O>>;
}

export const positive = z.number().positive();
export const nonNegative = z.number().nonnegative();
export const count = z.int().positive();
export const fraction = z.number().min(0).max(1);

/** A number over the run: fixed, or a schedule whose every value must satisfy `value`. */
export function schedule(value: z.ZodNumber) {
  return numberOr(value, scheduleShapes(value), "a schedule");
}

/** An epoch, or a fraction of the run. */
const milestone = z
  .number()
  .positive()
  .refine((at) => at < 1 || Number.isInteger(at), "must be a whole number of epochs, or a fraction of the run below 1");

/** What a schedule may be, by its key. */
export function scheduleShapes(value: z.ZodNumber) {
  const warmup = fraction.optional();
  // Not twice, where values must be above 0 anyway: mistakes would be named twice too.
  const above0 = value.safeParse(0).success ? value.positive() : value;
  return {
    /** Value from an epoch on, by epoch. */
    steps: z
      .record(z.string().regex(/^\d+$/, "must be an epoch number"), value)
      .refine((byEpoch) => "0" in byEpoch, "must say the value from epoch 0"),
    constant: strict({ value, warmup }),
    linear: strict({ from: value, to: value, warmup }),
    cosine: strict({ from: value, to: value.optional(), warmup }),
    exponential: strict({ from: above0, to: above0, warmup }),
    stepDecay: strict({ from: value, at: z.array(milestone).min(1), factor: positive, warmup }),
    oneCycle: strict({ peak: value, rise: fraction.optional(), divisor: positive.optional() }),
  };
}

/** A number, or an object with exactly one of the keys. @param what The latter is called in messages. */
export function numberOr<O extends Options>(value: z.ZodNumber, shapes: O, what: string) {
  return z.union([value, oneOf(shapes)], {
    error: ({ input }) => mustBe(`a number, or ${what}: one key of ${Object.keys(shapes).join(", ")}`, input),
  });
}

export type ScheduleInput = z.input<ReturnType<typeof schedule>>;
export type ScheduleRecipe = z.output<ReturnType<typeof schedule>>;
