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
  /** Plain data from which another thread opens the same items. */
  readonly source: unknown;
}

/** What a data set has of each; what it lacks is held out of training. */
export interface ImageItemSplits {
  readonly train: ImageItems;
  readonly validation?: ImageItems;
  readonly test?: ImageItems;
}
