import { copyFile, mkdtemp, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, expect, it } from "vitest";
import { openTokenizerDirectory } from "./tokenizer-directory.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "limbeck-tokenizer-"));
  const golden = fileURLToPath(new URL("../../../test/golden/tokenizers/wordpiece.json", import.meta.url));
  await copyFile(golden, join(directory, "tokenizer.json"));
});

it("opens a folder, with or without tokenizer_config.json", async () => {
  expect((await openTokenizerDirectory(directory)).maxLength).toBeUndefined();
  await writeFile(join(directory, "tokenizer_config.json"), JSON.stringify({ model_max_length: 64 }));
  expect((await openTokenizerDirectory(directory)).maxLength).toBe(64);
});

it("says what is missing, damaged or too large", async () => {
  await expect(openTokenizerDirectory(join(directory, "none"))).rejects.toThrow("There is no tokenizer.json.");
  await writeFile(join(directory, "tokenizer_config.json"), "{");
  await expect(openTokenizerDirectory(directory)).rejects.toThrow(/damaged one/);
  // Extends the file without filling it.
  await truncate(join(directory, "tokenizer_config.json"), 2 ** 27);
  await expect(openTokenizerDirectory(directory)).rejects.toThrow(/134217728 bytes, more than/);
});
