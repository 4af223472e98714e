import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { LimbeckError } from "../../errors.ts";

/**
 * Decompresses gzip.
 *
 * @param where The file's name, for messages.
 * @throws LimbeckError when the bytes are damaged, or grow to more than `limit` bytes.
 */
export async function gunzipAtMost(limit: number, bytes: Uint8Array, where: string): Promise<Uint8Array> {
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: limit });
  } catch (cause) {
    const tooLarge = (cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    throw new LimbeckError(tooLarge ? `The file decompresses to more than ${limit} bytes.` : "The file cannot be decompressed.", {
      where,
      hint: "The file is damaged or incomplete: get it again.",
      cause,
    });
  }
}
