import { createHash } from "node:crypto";
import type { ShardStore } from "../../distill/cache/store.ts";
import { fileShardStore } from "../../run/shard-store.ts";
import { openBucket } from "./bucket.ts";
import { allOf, mirrorOf } from "./s3-store.ts";

/** Far more than 2,048 samples take. */
const MOST_BYTES = 2 ** 31;

/** Shards in a bucket, below a prefix. Whoever loads one keeps it on its own disk, from where single records are read. */
export function s3ShardStore(url: string): ShardStore {
  const bucket = openBucket(url);
  const local = fileShardStore(mirrorOf(bucket));
  return {
    ...local,
    name: bucket.name,
    sizes: bucket.sizes,
    load: async (name) => {
      const known = await local.load(name);
      if (known) return known;
      const bytes = await bucket.get(name, (content) => allOf(content, MOST_BYTES, `${bucket.name}/${name}`));
      if (bytes) await local.save(name, bytes);
      return bytes;
    },
    save: async (name, bytes) => {
      await local.save(name, bytes);
      await bucket.put(name, bytes, createHash("sha256").update(bytes).digest("hex"));
    },
  };
}
