import { defineConfig } from "tsdown";

/** The benchmark is bundled as the package is: a transpiling loader would slow the loops that make batches. */
export default defineConfig({
  entry: { run: "run.ts", limbeck: "limbeck.ts", steady: "steady.ts", scaling: "scaling.ts" },
  outDir: "dist",
  format: "esm",
  target: "es2022",
  fixedExtension: false,
  hash: false,
  dts: false,
  inputOptions: { checks: { pluginTimings: false } },
});
