import type { Value } from "../../graph/graph.ts";
import type { GradientCase } from "../finite-differences.ts";

/** Without chance: what it does with it is in dropout.test.ts. */
export const dropoutCases: readonly GradientCase[] = [
  { name: "Dropout in inference", inputs: [{ shape: [3, 4] }], build: (g, x) => g.dropout(x as Value, 0.5) },
  {
    name: "Dropout with its mode set to inference",
    inputs: [{ shape: [3, 4] }],
    build: (g, x) => g.emit("Dropout", [x, g.scalar(0.5), g.constant({ type: "bool", shape: [], data: Uint8Array.of(0) })])[0] as Value,
  },
];
