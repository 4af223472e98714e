/**
 * The images of a split, as they lie in files: what a reader of a format gives, before anything is decoded. Immutable, and light enough to
 * hold for millions of images.
 */
export interface ImageItems {
  readonly name: string;
  readonly length: number;
  /** Class names; a label is an index into them. */
  readonly classes: readonly string[];
  label(index: number): number;
  /** Where it lies, for messages: a path, a row of a file, an entry of an archive. */
  where(index: number): string;
  /**
   * Its encoded bytes: JPEG, PNG, WebP, ... Of several that are asked for in order, neighbours are cheap.
   *
   * @throws LimbeckError when they cannot be read.
   */
  encoded(index: number): Promise<Uint8Array>;
  /** Changes when images or labels do: a SHA-256 of names, sizes and times of the files, of labels and of the order. */
  readonly fingerprint: string;
  /** From which another thread opens the same items. */
  readonly source: ImageItemsSource;
}

/** What a data set has of each; what it lacks is held out of training. */
export interface ImageItemSplits {
  readonly train: ImageItems;
  readonly validation?: ImageItems;
  readonly test?: ImageItems;
  /** What the user should know: what was left out. */
  readonly notes?: readonly string[];
}

/** Image items as plain data, whose large parts lie in memory that threads share. */
export type ImageItemsSource =
  | { readonly files: FileItemsSource }
  | { readonly webDataset: WebDatasetSource }
  | { readonly parquet: ParquetSource };

/** What items of every kind have. */
export interface LabelledSource {
  readonly name: string;
  readonly classes: readonly string[];
  /** `[N]` */
  readonly labels: Int32Array;
  readonly fingerprint: string;
}

/** One file for each image. */
export interface FileItemsSource extends LabelledSource {
  /** The directory that the paths are relative to. */
  readonly root: string;
  readonly paths: PackedStrings;
}

/** Entries of tar archives. */
export interface WebDatasetSource extends LabelledSource {
  readonly shards: readonly string[];
  /** Of each image: its shard, the offset and number of its bytes there, and its name. */
  readonly shard: Int32Array;
  readonly offset: Float64Array;
  readonly size: Int32Array;
  readonly names: PackedStrings;
}

/** Values of a column in Parquet files. */
export interface ParquetSource extends LabelledSource {
  readonly files: readonly ParquetImages[];
  /** In the order of their rows. */
  readonly pages: readonly ParquetPage[];
}

export interface ParquetImages {
  readonly path: string;
  /** Which image its row 0 is. */
  readonly first: number;
  /** Of the column and what contains it, outermost first: whether it may be null. */
  readonly optional: readonly boolean[];
}

/** Rows that are compressed together. */
export interface ParquetPage {
  /** Which of the files. */
  readonly file: number;
  /** Which image its first row is. */
  readonly first: number;
  readonly rows: number;
  readonly codec: string;
  /** With its header. */
  readonly span: ByteSpan;
  /** The page of values that its own refer to. */
  readonly dictionary?: ByteSpan;
  /** In bytes, decompressed, with the dictionary. */
  readonly size: number;
}

export interface ByteSpan {
  readonly offset: number;
  readonly length: number;
}

/** Millions of texts in one piece of memory. */
export interface PackedStrings {
  /** UTF-8, one after the other. */
  readonly bytes: Uint8Array;
  /** Where each ends. */
  readonly ends: Float64Array;
}
