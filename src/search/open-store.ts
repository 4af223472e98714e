import type { ShardStore } from "../distill/cache/store.ts";
import { fileShardStore } from "../run/shard-store.ts";
import { isS3 } from "./s3/bucket.ts";
import { s3ShardStore } from "./s3/s3-shards.ts";
import { s3Store } from "./s3/s3-store.ts";
import { directoryStore, type Store } from "./store.ts";

/** @param location A directory, or `s3://bucket/prefix`. @throws LimbeckError as `s3Store` does. */
export function openStore(location: string): Store {
  return isS3(location) ? s3Store(location) : directoryStore(location);
}

/** A teacher's outputs in a directory, or at `s3://bucket/prefix`. @throws LimbeckError as `openStore` does. */
export function openShards(location: string): ShardStore {
  return isS3(location) ? s3ShardStore(location) : fileShardStore(location);
}
