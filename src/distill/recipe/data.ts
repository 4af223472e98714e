import { z } from "zod";
import {
  type DataSource,
  encodedKinds,
  type ImageOptions,
  isEncoded,
  kindsOf,
  type SourceKind,
  sourceKinds,
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

export interface Split {
  /** Training samples held out for validation, where the source has no such split: a number, or a fraction below 1. */
  readonly validation: number;
}
type SourceInput = DataSource<Pick<ImageOptions, "size"> & Partial<ImageOptions>> & Partial<Split>;

/** The options that not every source takes, and the sources that do. */
const takenBy: readonly (readonly [option: string, kinds: readonly SourceKind[]])[] = [
  ...Object.keys(imageOptions).map((option) => [option, encodedKinds] as const),
  ["columns", ["parquet", "manifest", "webdataset"]],
];

/** Data from exactly one source, with the options that the source takes, beside those of all data. */
export function dataSchema<S extends Readonly<Record<string, z.ZodType>>>(common: S) {
  const own = { ...sources, ...imageOptions, columns: strict({ image: path.optional(), label: path.optional() }), validation: nonNegative };
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
  schema = schema.refine((data) => !isEncoded(data) || has(data, "size"), { path: ["size"], error: sizeError({}), ...ifSound });
  type Common = z.ZodObject<S>;
  return schema.transform(withDefaults) as unknown as z.ZodType<DataSource & Split & z.output<Common>, SourceInput & z.input<Common>>;
}

const has = (data: object, key: string): boolean => (data as Readonly<Record<string, unknown>>)[key] !== undefined;

/** IDX and CIFAR have tens of thousands of samples; of what a user brings nothing is known. */
function withDefaults(data: object): object {
  const given = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined));
  return isEncoded(data) ? { validation: 0.1, ...imageDefaults, ...given } : { validation: 5000, ...given };
}
