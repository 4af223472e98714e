import * as zlib from "node:zlib";
import type { Compressors } from "hyparquet";
import { compressors, decompressZstd } from "hyparquet-compressors";

/** Node has it from 22.15 on. */
const { zstdDecompressSync } = zlib as { readonly zstdDecompressSync?: typeof zlib.gunzipSync };

/** What decompresses pages of Parquet files: Node where it can, into at most as many bytes as the page should have. */
export const pageDecompressors: Compressors = {
  ...compressors,
  GZIP: (input, maxOutputLength) => zlib.gunzipSync(input, { maxOutputLength }),
  BROTLI: (input, maxOutputLength) => zlib.brotliDecompressSync(input, { maxOutputLength }),
  ZSTD: (input, length) => zstdDecompressSync?.(input, { maxOutputLength: length }) ?? decompressZstd(input, new Uint8Array(length)),
};
