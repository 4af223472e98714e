/** A place for shards, by name; names are paths of plain characters, `key/file`. */
export interface ShardStore {
  /** What it is called in messages. */
  readonly name: string;
  /** The bytes of each file there, by name. */
  sizes(): Promise<ReadonlyMap<string, number>>;
  /** A whole file, if there is one. */
  load(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Writes a whole file or, when that fails or the process dies, nothing. */
  save(name: string, bytes: Uint8Array): Promise<void>;
  /** Fills `target` with what stands from `position` on in a file. Synchronous: a batch reads many small pieces. */
  read(name: string, position: number, target: Uint8Array): void;
  /** Lets go of what is held open. */
  close(): void;
}
