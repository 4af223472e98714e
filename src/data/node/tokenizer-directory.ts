import { readFile, stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { LimbeckError } from "../../errors.ts";
import { LARGEST_FILE, openTokenizer, type Tokenizer } from "../tokenizer.ts";

/**
 * The tokenizer of a folder, or of a `tokenizer.json` by whatever name.
 *
 * @throws LimbeckError as `openTokenizerDirectory`.
 */
export async function openTokenizerAt(path: string, relativeTo: string): Promise<Tokenizer> {
  const absolute = resolve(relativeTo, path);
  return extname(absolute) === ".json" ? openTokenizerFiles(absolute) : openTokenizerDirectory(absolute);
}

/**
 * The tokenizer of a folder as Hugging Face's libraries save it: `tokenizer.json`, and `tokenizer_config.json` if it is there.
 *
 * @throws LimbeckError when a file is missing, too large or damaged.
 */
export const openTokenizerDirectory = (directory: string): Promise<Tokenizer> => openTokenizerFiles(join(directory, "tokenizer.json"));

async function openTokenizerFiles(path: string): Promise<Tokenizer> {
  const directory = dirname(path);
  const [tokenizer, config] = await Promise.all([path, join(directory, "tokenizer_config.json")].map(readIfThere));
  if (!tokenizer) {
    throw new LimbeckError(`There is no ${basename(path)}.`, {
      where: directory,
      hint: "Give a folder that Hugging Face's tokenizers saved; vocab.txt alone doesn't do.",
    });
  }
  return openTokenizer({ tokenizer, config, source: path });
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
