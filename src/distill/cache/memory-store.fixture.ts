import { LimbeckError } from "../../errors.ts";
import type { ShardStore } from "./store.ts";

/** A store in memory; what is in it can be changed from outside. */
export function memoryStore(): ShardStore & { readonly files: Map<string, Uint8Array<ArrayBuffer>> } {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  return {
    files,
    name: "memory",
    sizes: async () => new Map(Array.from(files, ([name, { length }]) => [name, length])),
    load: async (name) => files.get(name),
    save: async (name, bytes) => void files.set(name, Uint8Array.from(bytes)),
    read: (name, position, target) => {
      const file = files.get(name);
      if (!file) throw new LimbeckError("There is no such file or directory.", { where: name });
      target.set(file.subarray(position, position + target.length));
    },
    close: () => undefined,
  };
}
