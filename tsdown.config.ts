import { defineConfig } from "tsdown";

export default defineConfig({
  entry: {
    index: "src/index.ts",
    graph: "src/graph-entry.ts",
    nn: "src/nn-entry.ts",
    web: "src/web.ts",
    cli: "src/cli/main.ts",
    "batch-worker": "src/data/node/batch-worker.ts",
    "job-child": "src/search/job-child.ts",
    "memory-process": "src/measure/memory-process.node.ts",
  },
  format: "esm",
  target: "es2022",
  fixedExtension: false,
  hash: false,
  dts: true,
  inputOptions: { checks: { pluginTimings: false } },
});
