import { createHash } from "node:crypto";

export interface Fingerprint {
  /** One file more. */
  add(name: string, file: { readonly size: number; readonly mtimeMs: number }): void;
  /** In hexadecimal digits; no files can be added after it. */
  digest(): string;
}

/** The SHA-256 of classes, labels and the names, sizes and times of files, in order. */
export function fingerprintOf(classes: readonly string[], labels: Int32Array): Fingerprint {
  const hash = createHash("sha256").update(JSON.stringify(classes));
  hash.update(Buffer.from(labels.buffer, labels.byteOffset, labels.byteLength));
  return {
    add: (name, { size, mtimeMs }) => hash.update(JSON.stringify([name, size, mtimeMs])),
    digest: () => hash.digest("hex"),
  };
}
