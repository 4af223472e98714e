import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "tsdown";
import { afterAll, beforeAll, expect, test } from "vitest";
import { valuesIn } from "../src/data/batches.fixture.ts";
import type { Batch } from "../src/data/batches.ts";
import { type BatchLoader, inlineLoader, type LoaderOptions } from "../src/data/loader.ts";
import type * as nodeLoaders from "../src/data/node/loader.ts";
import { memorySamples } from "../src/data/samples.ts";
import { root } from "./limbeck.ts";

/** Within the repository, where the bundle finds its dependencies. */
let place: string;
beforeAll(async () => {
  const cache = join(root, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  place = mkdtempSync(join(cache, "limbeck-threads-"));
  await bundle("whole", { loader: "src/data/node/loader.ts", "batch-worker": "src/data/node/batch-worker.ts" });
  await bundle("alone", { loader: "src/data/node/loader.ts" });
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** Builds as the package is built. */
function bundle(name: string, entry: Readonly<Record<string, string>>): Promise<unknown> {
  const outDir = join(place, name);
  return build({
    cwd: root,
    config: false,
    entry,
    outDir,
    format: "esm",
    fixedExtension: false,
    hash: false,
    dts: false,
    logLevel: "silent",
  });
}

const samples = memorySamples({
  name: "ramp",
  sampleShape: [1, 4, 4],
  classes: ["a"],
  pixels: Uint8Array.from({ length: 60 * 16 }, (_, pixel) => pixel),
  labels: new Uint8Array(60),
});
const options: LoaderOptions = { batchSize: 3, seed: 1, augment: [{ affine: { rotate: 30 } }, { flip: true }] };

async function read(loader: BatchLoader) {
  const inputs: number[][] = [];
  let last: Batch | undefined;
  let moved = false;
  for await (const batch of loader.epoch(2)) {
    // What a thread made goes back to it, and is empty here.
    moved ||= last !== undefined && valuesIn(last).length === 0;
    last = batch;
    inputs.push([...valuesIn(batch)]);
  }
  await loader.release();
  return { inputs, moved };
}

test.each([
  ["the built package makes batches in threads", "whole", true],
  ["an application that is bundled without the file for threads makes the same batches on the spot", "alone", false],
])("%s", async (_, name, inThreads) => {
  const { nodeLoader } = (await import(pathToFileURL(join(place, name, "loader.js")).href)) as typeof nodeLoaders;
  const { inputs } = await read(inlineLoader(samples, options));
  expect(await read(nodeLoader(2)(samples, options))).toEqual({ inputs, moved: inThreads });
});
