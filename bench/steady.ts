/** `npm run bench:steady`: whether the memory of a distillation stays flat over thousands of steps; see docs/performance.md. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { writeSection } from "../scripts/page-section.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { line } from "./regression.ts";
import { distillation } from "./workloads/distillation.ts";

const STEPS = 6000;
/** Steps before memory counts: the runtime's arena and JavaScript's heap grow to their size, V8 compiles what is called often. */
const SETTLING = 2000;
const EVERY = 50;

// What waits for JavaScript's collector is no growth, and comes and goes by tens of megabytes.
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const { run } = await distillation({ teacher: "resnet20", student: "resnet8", batchSize: 8 })(nodeRuntime());
const samples: { step: number; megabytes: number }[] = [];
for (let step = 1; step <= STEPS; step++) {
  await run();
  if (step % EVERY !== 0) continue;
  collect();
  samples.push({ step, megabytes: process.memoryUsage.rss() / 1e6 });
}
const counted = samples.filter(({ step }) => step > SETTLING);
const { slope } = line(
  counted.map(({ step }) => step),
  counted.map(({ megabytes }) => megabytes),
);
const sizes = counted.map(({ megabytes }) => megabytes);
const text =
  `Distilling resnet20 into resnet8, batches of 8, ${STEPS} steps: from step ${SETTLING} on the process held ` +
  `${Math.min(...sizes).toFixed(1)} to ${Math.max(...sizes).toFixed(1)} MB, with a slope of ${(1000 * slope).toFixed(2)} MB per 1,000 steps.`;
console.log(text);
await writeSection("docs/performance.md", "steady", text);
process.exit(0);
