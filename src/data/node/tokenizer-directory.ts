import { readFile, stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { LimbeckError } from "../../errors.ts";
import { LARGEST_FILE, openTokenizer, type Tokenizer, type TokenizerFiles } from "../tokenizer.ts";

export const TOKENIZER = "tokenizer.json";
export const TOKENIZER_CONFIG = "tokenizer_config.json";

/**
 * The tokenizer of a folder, or of a `tokenizer.json` by whatever name.
 *
 * @throws LimbeckError as `openTokenizerDirectory`.
 */
export const openTokenizerAt = async (path: string, relativeTo: string): Promise<Tokenizer> =>
  openTokenizer(await tokenizerFiles(path, relativeTo));

/** The files of such a tokenizer. @throws LimbeckError as `openTokenizerDirectory`. */
export function tokenizerFiles(path: string, relativeTo: string): Promise<TokenizerFiles> {
  const absolute = resolve(relativeTo, path);
  return readFiles(extname(absolute) === ".json" ? absolute : join(absolute, TOKENIZER));
}

/**
 * The tokenizer of a folder as Hugging Face's libraries save it: `tokenizer.json`, and `tokenizer_config.json` if it is there.
 *
 * @throws LimbeckError when a file is missing, too large or damaged.
 */
export const openTokenizerDirectory = async (directory: string): Promise<Tokenizer> =>
  openTokenizer(await readFiles(join(directory, TOKENIZER)));

async function readFiles(path: string): Promise<TokenizerFiles> {
  const directory = dirname(path);
  const [tokenizer, config] = await Promise.all([path, join(directory, TOKENIZER_CONFIG)].map(readIfThere));
  if (!tokenizer) {
    throw new LimbeckError(`There is no ${basename(path)}.`, {
      where: directory,
      hint: "Give a folder that Hugging Face's tokenizers saved; vocab.txt alone doesn't do.",
    });
  }
  return { tokenizer, config, source: path };
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    const { size } = await stat(path);
    if (size > LARGEST_FILE) throw new LimbeckError(`The file has ${size} bytes, more than any tokenizer needs (64 MB).`, { where: path });
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof LimbeckError) throw cause;
    if (["ENOENT", "ENOTDIR"].includes((cause as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw new LimbeckError("The file can't be read.", { where: path, hint: (cause as Error).message, cause });
  }
}
