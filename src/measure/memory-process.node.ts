import { readFileSync, writeFileSync } from "node:fs";
import { graphBuilder } from "../graph/builder/builder.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { float32, zeros } from "../graph/tensor.ts";
import { nodeRuntime, openFileSession } from "../runtime/node.ts";
import type { MemoryTask } from "./peak-memory.node.ts";

// What a process runs that is started to see how much memory a model takes. It writes `{"bytes": ...}`.

const RUNS = 3;

/** The most that this process has had in memory, in bytes. Not `maxRSS` on Linux: that begins with what the parent process had. */
function peak(): number {
  const [, kilobytes] = /^VmHWM:\s*(\d+) kB/m.exec(ifReadable("/proc/self/status")) ?? [];
  return 1024 * (kilobytes === undefined ? process.resourceUsage().maxRSS : Number(kilobytes));
}

function ifReadable(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Lets the peak begin anew. Only Linux can. */
function resetPeak(): void {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // What the process took so far then stays the least that is seen.
  }
}

function smallest(): Uint8Array {
  const g = graphBuilder("one node");
  g.output(g.identity(g.input("x", "float32", [1])), "y");
  return writeOnnx(g.build());
}

async function measure({ model, inputs, threads }: MemoryTask): Promise<number> {
  const empty = await nodeRuntime({ threads }).createSession(smallest());
  await empty.run({ x: float32([1]) });
  await empty.release();
  resetPeak();
  const before = peak();
  const session = await openFileSession(model, { threads });
  const feeds = Object.fromEntries(inputs.map(({ name, type, shape }) => [name, zeros(type, shape)]));
  for (let run = 0; run < RUNS; run++) await session.run(feeds);
  return Math.max(0, peak() - before);
}

const bytes = await measure(JSON.parse(process.argv.at(-1) ?? "") as MemoryTask);
process.stdout.write(`${JSON.stringify({ bytes })}\n`);
