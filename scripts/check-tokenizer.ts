/**
 * Compares src/data/tokenizer.ts with Python's tokenizers on 10,000 sentences and as many pairs: `npm run check:tokenizer -- DIR`, where DIR
 * holds the folders sst2, trec6, cola (their train.tsv) and bert-base-uncased (tokenizer.json). scripts/golden/tokenizer.py has written the
 * hashes that are expected.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type EncodeOptions, openTokenizer } from "../src/data/tokenizer.ts";

const directory = process.argv[2];
if (!directory || !existsSync(directory)) {
  console.error("Give the directory of sst2, trec6, cola and bert-base-uncased.");
  process.exit(2);
}
const golden = JSON.parse(readFileSync(new URL("../test/golden/tokenizers/real.json", import.meta.url), "utf8")) as Record<string, string>;
const tokenizer = openTokenizer({ tokenizer: readFileSync(join(directory, "bert-base-uncased", "tokenizer.json")) });
const texts = [...sentences("sst2", 0, 1, 4000), ...sentences("trec6", 0, 1, 3000), ...sentences("cola", 3, 0, 3000)];

const begin = performance.now();
const found: Record<string, string> = {
  singles: digest(() => ({})),
  truncated: digest(() => ({ maxLength: 16 })),
  pairs: digest((index) => ({ pair: texts[(index + 1) % texts.length], maxLength: 48 })),
};
const seconds = (performance.now() - begin) / 1000;
const wrong = Object.entries(found).filter(([name, hash]) => golden[name] !== hash);
for (const [name] of wrong) console.log(`${name}: not what Python's tokenizers ${golden.tokenizers} gives`);
console.log(`${texts.length} texts, ${((3 * texts.length) / seconds).toFixed(0)} encodings a second`);
console.log(`${3 - wrong.length} passed, ${wrong.length} failed`);
process.exit(wrong.length === 0 ? 0 : 1);

/** A column of the first lines of a training set. */
function sentences(name: string, column: number, header: number, count: number): string[] {
  const lines = readFileSync(join(directory as string, name, "train.tsv"), "utf8").split("\n");
  return lines.slice(header, header + count).map((line) => line.split("\t")[column] ?? "");
}

function digest(options: (index: number) => EncodeOptions): string {
  const hash = createHash("sha256");
  texts.forEach((text, index) => {
    const { ids, typeIds } = tokenizer.encode(text, options(index));
    hash.update(Int32Array.of(ids.length)).update(ids).update(typeIds);
  });
  return hash.digest("hex");
}
