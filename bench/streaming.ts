/**
 * `npm run bench:streaming`: the memory of a run that decodes its images whenever it needs them, and how long its steps wait for them; see
 * docs/performance.md. `-- --images 2000 --seconds 15` for a quick look, which is only printed.
 */
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeSection } from "../scripts/page-section.ts";
import { nodeLoader } from "../src/data/node/loader.ts";
import { openData } from "../src/data/node/open-data.ts";
import { runRecipe } from "../src/distill/distill.ts";
import { parseRecipe } from "../src/distill/recipe/parse.ts";
import { writeAtomically } from "../src/run/files.ts";
import { nodeRuntime } from "../src/runtime/node.ts";
import type { EpochEvent } from "../src/train/fit.ts";
import { type MemoryReading, memoryPlot } from "./memory-plot.ts";
import { line } from "./regression.ts";
import { folderOfShapes } from "./shapes.ts";

const { values } = parseArgs({ options: { images: { type: "string" }, seconds: { type: "string" } } });
const images = Number(values.images ?? 50_000);
/** Of training; the epoch in which they end is trained to its end. */
const seconds = Number(values.seconds ?? 300);
const isWhole = values.images === undefined && values.seconds === undefined;

const SIZE = 32;
const directory = join(tmpdir(), `limbeck-shapes-${images}`);
const recipe = parseRecipe({
  data: { imageFolder: directory, size: SIZE, memory: 0, augment: [{ shift: 4 }, { flip: true }] },
  student: { zoo: "resnet8" },
  batchSize: 64,
  optimizer: { sgd: { learningRate: 0.05 } },
  epochs: 1000,
});

await folderOfShapes(directory, images);
const start = performance.now();
const clock = (): number => (performance.now() - start) / 1000;
const readings: MemoryReading[] = [];
const read = (): void => {
  readings.push({ seconds: clock(), megabytes: process.memoryUsage.rss() / 1e6 });
};
read();
const timer = setInterval(read, 1000);
const epochs: EpochEvent[] = [];
const enough = new Error("Enough");
let began: number | undefined;
const run = runRecipe(recipe, {
  runtime: nodeRuntime(),
  openData: (data) => openData(data, { relativeTo: "." }),
  openLoader: nodeLoader(),
  readFile: () => Promise.reject(new Error("There is no file.")),
  events: {
    onStep: () => (began ??= clock()),
    onEpoch: (_, event) => {
      epochs.push(event);
      if (clock() - (began ?? 0) >= seconds) throw enough;
    },
  },
});
await run.catch((error: unknown) => {
  if (error !== enough) throw error;
});
clearInterval(timer);

const text = described(began ?? 0);
console.log(text);
if (isWhole) {
  await writeAtomically("docs/performance-streaming.svg", memoryPlot(readings, began ?? 0));
  await writeSection(
    "docs/performance.md",
    "streaming",
    `${text}\n\n![Memory of a run that streams its images](performance-streaming.svg)`,
  );
}
process.exit(0);

/** From `from` seconds on there was training. */
function described(from: number): string {
  const training = readings.filter(({ seconds }) => seconds >= from);
  // In the first half the heap and the runtime's arena grow to their size.
  const settled = training.slice(training.length >> 1);
  const megabytes = settled.map((reading) => reading.megabytes);
  const { slope } = line(
    settled.map((reading) => reading.seconds / 60),
    megabytes,
  );
  const mean = (of: (event: EpochEvent) => number): number => epochs.reduce((sum, event) => sum + of(event), 0) / epochs.length;
  const waited = epochs.map(({ waiting }) => `${(100 * waiting.batch).toFixed(1)} %`);
  return [
    `${cpus().length} × ${cpus()[0]?.model.trim()}; ${nodeRuntime().version}.`,
    "",
    "| images | epochs, time of training | samples/s | steps waited, by epoch | MB at the start | most | second half of training | its slope |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    `| ${[
      `${images.toLocaleString("en")} JPEGs of 64×64, to ${SIZE}×${SIZE}: ${((images * 3 * SIZE * SIZE) / 1e6).toFixed(0)} MB if all were kept`,
      `${epochs.length}, ${((training.at(-1)?.seconds ?? 0) - from).toFixed(0)} s`,
      mean(({ samplesPerSecond }) => samplesPerSecond).toFixed(0),
      waited.join(", "),
      (readings[0] as MemoryReading).megabytes.toFixed(0),
      Math.max(...readings.map((reading) => reading.megabytes)).toFixed(0),
      `${Math.min(...megabytes).toFixed(0)} to ${Math.max(...megabytes).toFixed(0)}`,
      `${slope.toFixed(1)} MB/min`,
    ].join(" | ")} |`,
  ].join("\n");
}
