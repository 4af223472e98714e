/**
 * Imports real sentence encoders and compares their embeddings with those of PyTorch and of the packaged file: `npm run check:sentences --
 * [DIR]`, where bench/peers/text_weights.py has unpacked them (.cache/text unless given). scripts/golden/sentences.py has written what is
 * expected.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openTokenizerDirectory } from "../src/data/node/tokenizer-directory.ts";
import { tokenBatch } from "../src/data/token-batch.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { importModel } from "../src/run/import.ts";
import { nodeRuntime } from "../src/runtime/node.ts";

interface Golden {
  readonly sentences: readonly string[];
  readonly embeddings: Readonly<Record<string, readonly (readonly number[])[]>>;
}
const golden = JSON.parse(readFileSync(new URL("../test/golden/sentences.json", import.meta.url), "utf8")) as Golden;
const directory = process.argv[2] ?? ".cache/text";
/** How far a cosine with what is expected may be from 1. The second model's own products are of rounded numbers, ours are not. */
const tolerances: Readonly<Record<string, number>> = { "all-MiniLM-L6-v2": 1e-6, "e5-small-v2": 0.01 };

let failed = 0;
for (const [name, tolerance] of Object.entries(tolerances)) {
  const folder = join(directory, name);
  if (!existsSync(folder)) {
    console.error(`There is no ${folder}: run python bench/peers/text_weights.py first.`);
    process.exit(2);
  }
  const begin = performance.now();
  const { graph } = await importModel(folder);
  const seconds = (performance.now() - begin) / 1000;
  const tokenizer = await openTokenizerDirectory(folder);
  const session = await nodeRuntime().createSession(writeOnnx(graph));
  const { sentence_embedding: found } = await session.run(tokenBatch(golden.sentences.map((text) => tokenizer.encode(text))));
  await session.release();
  const expected = (golden.embeddings[name] ?? []).flat();
  const features = expected.length / golden.sentences.length;
  const values = found?.data as Float32Array;
  const worst = expected.reduce((most, value, index) => Math.max(most, Math.abs(value - (values[index] as number))), 0);
  const cosines = golden.sentences.map((_, row) =>
    expected
      .slice(row * features, (row + 1) * features)
      .reduce((sum, value, index) => sum + value * (values[row * features + index] as number), 0),
  );
  const isRight = cosines.every((cosine) => Math.abs(cosine - 1) < tolerance);
  if (!isRight) failed++;
  const least = Math.min(...cosines);
  console.log(
    `${name}: imported in ${seconds.toFixed(1)} s; largest difference ${worst.toExponential(1)}, least cosine ${least.toFixed(7)}`,
  );
}
console.log(`${Object.keys(tolerances).length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
