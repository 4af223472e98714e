import { defineConfig } from "tsdown";

/** Bundled as the package is, with the file that threads run beside it. */
export default defineConfig({
  entry: { input: "input.ts", streaming: "streaming.ts", "batch-worker": "../src/data/node/batch-worker.ts" },
  outDir: "dist/input",
  format: "esm",
  target: "es2022",
  fixedExtension: false,
  hash: false,
  dts: false,
  inputOptions: { checks: { pluginTimings: false } },
});
