import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { nodeRuntime } from "../../../runtime/node.ts";
import type { Feeds } from "../../../runtime/runtime.ts";
import { OPSET } from "../../graph.ts";
import { readOnnx } from "../../onnx/read.ts";
import { runGraph } from "../../run.fixture.ts";
import { int64, type Tensor } from "../../tensor.ts";
import { wave } from "./convert.cases.ts";
import { convertOpset } from "./convert.ts";

const folder = new URL("../../../../test/golden/opsets/", import.meta.url);
const files = readdirSync(folder).sort();
const runtime = nodeRuntime({ threads: 1 });

function inputOf(file: string, batch: number): Tensor {
  if (file.startsWith("pixels")) return wave([batch, 3, 8, 10]);
  if (file.startsWith("tokens")) return wave([batch, 5, 8]);
  return int64(
    Array.from({ length: batch * 6 }, (_, index) => (index * 7) % 11),
    [batch, 6],
  );
}

async function runBytes(bytes: Uint8Array, feeds: Feeds): Promise<Record<string, Tensor>> {
  const session = await runtime.createSession(bytes);
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

test("there are models of every operator set from 9 to 20, and newer ones", () => {
  const opsets = files.map((file) => Number(/-(\d+)\.onnx$/.exec(file)?.[1]));
  expect([...new Set(opsets)].sort((a, b) => a - b)).toEqual([9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 24]);
});

test.each(files)("%s gives what the file gives, for any batch", async (file) => {
  const bytes = readFileSync(new URL(file, folder));
  const graph = readOnnx(bytes, file);
  const converted = convertOpset(graph);
  expect(converted.opsets[""]).toBe(OPSET);
  expect(converted.outputs).toEqual(graph.outputs);
  expect(convertOpset(converted)).toBe(converted);
  for (const batch of [2, 3]) {
    const feeds = { x: inputOf(file, batch) };
    const [before, after] = [await runBytes(bytes, feeds), await runGraph(converted, feeds)];
    expect(Object.keys(after)).toEqual(Object.keys(before));
    for (const [name, expected] of Object.entries(before)) {
      const actual = after[name] as Tensor;
      expect({ type: actual.type, shape: actual.shape }).toEqual({ type: expected.type, shape: expected.shape });
      (expected.data as Float32Array).forEach((element, index) => {
        const other = (actual.data as Float32Array)[index] as number;
        expect(Math.abs(Number(other) - Number(element))).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(Number(element))));
      });
    }
  }
});
