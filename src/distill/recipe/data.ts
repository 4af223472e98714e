import { z } from "zod";
import {
  type DataSource,
  encodedKinds,
  type ImageOptions,
  isEncoded,
  kindsOf,
  type SourceKind,
  sourceKinds,
  type TextOptions,
} from "../../data/data-source.ts";
import { mustBe, nonNegative, strict } from "../../options.ts";

const path = z.string().min(1);
const list = z.array(path).min(1);
const paths = z.union([path, list], { error: ({ input }) => mustBe("a path, or a list of paths", input) });
const files = z.union([path, list, strict({ train: paths, validation: paths.optional(), test: paths.optional() })], {
  error: ({ input }) => mustBe("a path, a list of paths, or an object with some of the keys train, validation, test", input),
});
const sources: Readonly<Record<SourceKind, z.ZodType>> = {
  idx: path,
  imageFolder: path,
  parquet: files,
  manifest: files,
  cifar: path,
  webdataset: files,
  text: files,
};

/** The greatest height or width that images are brought to. */
const MOST_PIXELS = 4096;
const side = z.int().positive().max(MOST_PIXELS);
const sizeError = ({ input }: { input?: unknown }) => mustBe("a number, or [height, width]: what every image is brought to", input);
const imageOptions: Readonly<Record<keyof ImageOptions, z.ZodType>> = {
  size: z.union([side, z.tuple([side, side])], { error: sizeError }),
  channels: z.literal([1, 3]),
  fit: z.enum(["cover", "contain", "stretch"]),
  unreadable: z.enum(["refuse", "skip"]),
  test: nonNegative,
  memory: nonNegative,
};
const imageDefaults = { channels: 3, fit: "cover", unreadable: "refuse", test: 0.1, memory: 1e9 } as const;

/** The longest text that networks of the zoo are built for by themselves has 512. */
const MOST_TOKENS = 4096;
const tokens = z.int().positive().max(MOST_TOKENS);
const MOST_BUCKETS = 16;
const ascend = (numbers: readonly number[]): boolean =>
  numbers.every((number, index) => index === 0 || number > (numbers[index - 1] as number));
const tokenizerError = mustBe("a folder with tokenizer.json, or such a file", undefined);
const bucketsError = {
  error: ({ input }: { input?: unknown }) => mustBe("a number of lengths, or a list of lengths in tokens, ascending", input),
};
const textOptions: Readonly<Record<keyof Omit<TextOptions, "columns" | "test">, z.ZodType>> = {
  tokenizer: path,
  length: tokens,
  buckets: z.union(
    [z.int().positive().max(MOST_BUCKETS), z.array(tokens).min(1).max(MOST_BUCKETS).refine(ascend, bucketsError)],
    bucketsError,
  ),
};
const textDefaults = { length: 128, buckets: 4, test: 0.1 } as const;

const column = z.union([path, z.int().nonnegative()], {
  error: ({ input }) => mustBe("the name of a column, or its number from 0", input),
});
const labelColumn = z.union([path, z.int().nonnegative(), z.literal(false)], {
  error: ({ input }) => mustBe("the name of a column, its number from 0, or false for no labels", input),
});
const columns = strict({ image: path.optional(), text: column.optional(), pair: column.optional(), label: labelColumn.optional() }).refine(
  (given) => new Set(Object.values(given).flatMap((named) => (named === false ? [] : [typeof named]))).size < 2,
  "must be names of columns, or numbers, but not both",
);

/** Whether columns are such as a source has. */
function columnsFit(data: object): boolean {
  const given = (data as { readonly columns?: Readonly<Record<string, unknown>> }).columns ?? {};
  return (
    Object.keys(given).every((key) => key === "label" || (key === "image") !== isText(data)) &&
    (isText(data) || given.label === undefined || typeof given.label === "string")
  );
}

export interface Split {
  /** Training samples held out for validation, where the source has no such split: a number, or a fraction below 1. */
  readonly validation: number;
}
type SourceInput = DataSource<Pick<ImageOptions, "size"> & Partial<ImageOptions>, Pick<TextOptions, "tokenizer"> & Partial<TextOptions>> &
  Partial<Split>;

/** The options that not every source takes, and the sources that do. */
const takenBy: readonly (readonly [option: string, kinds: readonly SourceKind[]])[] = [
  ...Object.keys(imageOptions).map((option) => [option, option === "test" ? [...encodedKinds, "text" as const] : encodedKinds] as const),
  ...Object.keys(textOptions).map((option) => [option, ["text"]] as const),
  ["columns", ["parquet", "manifest", "webdataset", "text"]],
  ...["augment", "mix", "views", "normalize"].map((option) => [option, sourceKinds.filter((kind) => kind !== "text")] as const),
];

/** What another source may have been given, and this kind has no use for. */
export const foreignOptions = (kind: SourceKind): string[] =>
  takenBy.filter(([, kinds]) => !kinds.includes(kind)).map(([option]) => option);

/** Data from exactly one source, with the options that the source takes, beside those of all data. */
export function dataSchema<S extends Readonly<Record<string, z.ZodType>>>(common: S) {
  const own = { ...sources, ...imageOptions, ...textOptions, columns, validation: nonNegative };
  const optional = Object.fromEntries(Object.entries(own).map(([key, schema]) => [key, schema.optional()]));
  const ifSound = { when: ({ issues }: { issues: readonly unknown[] }) => issues.length === 0 };
  let schema = strict({ ...optional, ...common }).refine((data) => kindsOf(data).length === 1, {
    error: `must have exactly one of ${sourceKinds.join(", ")}`,
    ...ifSound,
  });
  for (const [option, kinds] of takenBy) {
    const belongs = (data: object) => !has(data, option) || kindsOf(data).every((kind) => kinds.includes(kind));
    schema = schema.refine(belongs, { path: [option], error: `is only for ${kinds.join(", ")}`, ...ifSound });
  }
  schema = schema
    .refine((data) => !isEncoded(data) || has(data, "size"), { path: ["size"], error: sizeError({}), ...ifSound })
    .refine(columnsFit, { path: ["columns"], error: "must name image and label of images, or text, pair and label of texts", ...ifSound })
    .refine((data) => !isText(data) || has(data, "tokenizer"), { path: ["tokenizer"], error: tokenizerError, ...ifSound })
    .refine(bucketsFit, { path: ["buckets"], error: "must end with data.length, the most tokens of a text", ...ifSound });
  type Common = z.ZodObject<S>;
  return schema.transform(withDefaults) as unknown as z.ZodType<DataSource & Split & z.output<Common>, SourceInput & z.input<Common>>;
}

function has(data: object, key: string): boolean {
  const value = (data as Readonly<Record<string, unknown>>)[key];
  return value !== undefined && !(Array.isArray(value) && value.length === 0);
}

const isText = (data: object): boolean => kindsOf(data).includes("text");

/** Whether the longest bucket is the longest text. */
function bucketsFit(data: object): boolean {
  const { buckets, length } = data as { readonly buckets?: unknown; readonly length?: number };
  return !Array.isArray(buckets) || length === undefined || buckets.at(-1) === length;
}

/** IDX and CIFAR have tens of thousands of samples; of what a user brings nothing is known. */
function withDefaults(data: object): object {
  const given = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined));
  const { buckets } = given;
  if (isText(data)) return { validation: 0.1, ...textDefaults, ...(Array.isArray(buckets) && { length: buckets.at(-1) }), ...given };
  return isEncoded(data) ? { validation: 0.1, ...imageDefaults, ...given } : { validation: 5000, ...given };
}
