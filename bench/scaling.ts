/** `npm run bench:scaling`: how the time of a training step grows with its work; see docs/performance.md. */
import { writeSection } from "../scripts/page-section.ts";
import { resnet } from "../src/nn/zoo/resnet.ts";
import { writeAtomically } from "../src/run/files.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import { median } from "./compare.ts";
import { line } from "./regression.ts";
import { type ScalingSeries, scalingPlot } from "./scaling-plot.ts";
import { imageStep } from "./workloads/steps.ts";
import { CLASSES, IMAGE, type MakeWork } from "./workloads/work.ts";

const ROUNDS = 9;
const WARMUP = 2;

const cifar = { inputShape: IMAGE, classes: CLASSES, seed: 0 };
const BATCH = 32;
/** ResNet-20 on batches of 32, made larger in one way each. */
const axes: Readonly<Record<string, Readonly<Record<string, MakeWork>>>> = {
  width: Object.fromEntries([1, 1.5, 2, 3].map((width) => [`×${width}`, imageStep(resnet("resnet20", { ...cifar, width }), BATCH)])),
  depth: Object.fromEntries(
    (["resnet8", "resnet20", "resnet32", "resnet56"] as const).map((variant) => [
      variant.slice("resnet".length),
      imageStep(resnet(variant, cifar), BATCH),
    ]),
  ),
  batch: Object.fromEntries([16, 32, 64, 128].map((size) => [`${size}`, imageStep(resnet("resnet20", cifar), size)])),
};

const series: ScalingSeries[] = [];
for (const [name, sizes] of Object.entries(axes)) {
  const points = await measured(sizes);
  const { slope } = line(
    points.map(({ flops }) => Math.log(flops)),
    points.map(({ ms }) => Math.log(ms)),
  );
  series.push({ name, exponent: slope, points });
  console.log(`${name}: time grows as work to the power of ${slope.toFixed(2)}`);
  for (const { label, flops, ms } of points) console.log(`  ${label}: ${(flops / 1e9).toFixed(1)} GFLOP, ${ms.toFixed(1)} ms`);
}
await writeAtomically("docs/performance-scaling.svg", scalingPlot(series));
await writeSection("docs/performance.md", "scaling", table());
process.exit(0);

/** Times the sizes turn by turn. */
async function measured(sizes: Readonly<Record<string, MakeWork>>): Promise<ScalingSeries["points"]> {
  const runtime = nodeRuntime();
  const all = [];
  for (const [label, make] of Object.entries(sizes)) all.push({ label, times: [] as number[], ...(await make(runtime)) });
  for (let round = -WARMUP; round < ROUNDS; round++) {
    for (const { run, times } of all) {
      const start = performance.now();
      await run();
      if (round >= 0) times.push(performance.now() - start);
    }
  }
  return all.map(({ label, flops, times }) => ({ label, flops, ms: median(times) }));
}

function table(): string {
  const rows = series.map(({ name, exponent, points }) => {
    const cells = points.map(({ label, flops, ms }) => `${label}: ${ms.toFixed(0)} ms, ${(flops / 1e9).toFixed(1)} GFLOP`);
    return `| ${[name, ...cells, exponent.toFixed(2)].join(" | ")} |`;
  });
  return ["| grows | | | | | exponent |", "| --- | --- | --- | --- | --- | --- |", ...rows].join("\n");
}
