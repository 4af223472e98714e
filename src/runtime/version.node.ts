import { createRequire } from "node:module";

const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string };

/** Name and version of the runtime, without loading it. */
export const runtimeVersion = `onnxruntime-node ${version}`;
