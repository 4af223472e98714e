/** One or more files, or those of each split; a split that is not named is held out of training. */
export type DataFiles = string | readonly string[] | SplitFiles;
export interface SplitFiles {
  readonly train: string | readonly string[];
  readonly validation?: string | readonly string[];
  readonly test?: string | readonly string[];
}

/** What an encoded image is decoded to. */
export interface Decoding {
  /** Height and width, or both in one. */
  readonly size: number | readonly [height: number, width: number];
  readonly channels: 1 | 3;
  /** Fill the size and cut off what stands over, fit inside of it with black around, or give up the proportions. */
  readonly fit: "cover" | "contain" | "stretch";
}

/** How encoded images become samples. */
export interface ImageOptions extends Decoding {
  /** What becomes of images that can't be decoded. */
  readonly unreadable: "refuse" | "skip";
  /** Samples held out for testing, where the source has no such split: a number, or a fraction below 1. */
  readonly test: number;
  /** Bytes of decoded images that are kept in memory; where there are more, each is decoded whenever it is needed. */
  readonly memory: number;
}

/** In which columns texts and labels are: names, or of files without a header numbers, from 0. */
export interface TextColumns {
  readonly text?: string | number;
  /** The second text of a pair. */
  readonly pair?: string | number;
  /** `false`: labels, if there are any, are not looked at. */
  readonly label?: string | number | false;
}

/** How texts become samples. */
export interface TextOptions {
  /** A folder with `tokenizer.json`, or such a file. */
  readonly tokenizer: string;
  /** The most tokens of a text, special ones included; of a pair the longer text is cut first. */
  readonly length: number;
  /** The numbers of tokens that batches are padded to, or how many numbers there are to be. */
  readonly buckets: number | readonly number[];
  readonly columns?: TextColumns;
  /** Samples held out for testing, where the source has no such split: a number, or a fraction below 1. */
  readonly test: number;
}

/** In which columns (in tar archives: under which extensions) image and label are. */
export interface Columns {
  readonly image?: string;
  readonly label?: string;
}

/** Where data come from. Paths are relative to the recipe. */
export type DataSource<Image = ImageOptions, Text = TextOptions> =
  | { readonly idx: string }
  | { readonly cifar: string }
  | ({ readonly imageFolder: string } & Image)
  | ({ readonly parquet: DataFiles; readonly columns?: Columns } & Image)
  | ({ readonly manifest: DataFiles; readonly columns?: Columns } & Image)
  | ({ readonly webdataset: DataFiles; readonly columns?: Columns } & Image)
  | ({ readonly text: DataFiles } & Text);

export type TextSource = Extract<DataSource, TextOptions>;

/** A source whose images are decoded. */
export type EncodedSource = Extract<DataSource, ImageOptions>;

export const sourceKinds = ["idx", "imageFolder", "parquet", "manifest", "cifar", "webdataset", "text"] as const;
export type SourceKind = (typeof sourceKinds)[number];
export const encodedKinds: readonly SourceKind[] = ["imageFolder", "parquet", "manifest", "webdataset"];

/** Every kind of source that an object names. */
export function kindsOf(data: object): SourceKind[] {
  return sourceKinds.filter((kind) => (data as Readonly<Record<string, unknown>>)[kind] !== undefined);
}

export function isEncoded(data: object): data is EncodedSource {
  return kindsOf(data).some((kind) => encodedKinds.includes(kind));
}

/** What a source is called in messages and reports. */
export function sourceName(data: DataSource): string {
  const [kind] = kindsOf(data) as [SourceKind];
  const files = (data as unknown as Readonly<Record<SourceKind, DataFiles>>)[kind];
  const train = typeof files === "object" && "train" in files ? files.train : files;
  return typeof train === "string" ? train : train.join(", ");
}
