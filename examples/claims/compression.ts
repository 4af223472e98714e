/**
 * The survey article's claims on size and speed, on networks of the zoo at the size of ImageNet: `npm run study:compression`. Parameters,
 * operations and bytes are exact; latencies are of this machine, which should have nothing else to do.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeSection } from "../../scripts/page-section.ts";
import { writeOnnx } from "../../src/graph/onnx/write.ts";
import { buildArchitecture } from "../../src/nn/zoo/zoo.ts";
import { type ComparedModel, latencyAt, type Threads } from "../../src/report/compare.ts";
import { formatBytes, formatCount, formatMilliseconds, formatRatio } from "../../src/report/format.ts";
import { compare } from "../../src/run/compare.ts";

const TEACHER = "resnet50";
const STUDENTS = ["mobilenet-v2", "mobilenet-v3-large", "mobilenet-v3-small", "shufflenet-v2-x1.0", "efficientnet-b0"];
/** What the article says: fractions of the parameters that go, and times as fast. */
const FEWER = [0.8, 0.92] as const;
const FASTER = [3, 5] as const;
const ROUNDS = 20;

const root = fileURLToPath(new URL("../..", import.meta.url));
const place = join(root, "runs/study-compression");
mkdirSync(place, { recursive: true });
const paths = [TEACHER, ...STUDENTS].map((name) => {
  const path = join(place, `${name}.onnx`);
  writeFileSync(path, writeOnnx(buildArchitecture(name, { inputShape: [3, 224, 224], classes: 1000, seed: 0 })));
  return path;
});
const { models, versions } = await compare(paths, { batch: 1, rounds: ROUNDS, onStage: (text) => console.log(text) });
const [teacher, ...students] = models as readonly [ComparedModel, ...ComparedModel[]];

const median = (model: ComparedModel, threads: Threads): number => latencyAt(model, 1, threads)?.median ?? Number.NaN;
const fewer = ({ parameters = Number.NaN }: ComparedModel): number => 1 - parameters / (teacher.parameters ?? Number.NaN);
const faster = (model: ComparedModel, threads: Threads): number => median(teacher, threads) / median(model, threads);

function verdict(value: number, [low, high]: readonly [number, number]): string {
  return value < low ? "less" : value > high ? "more" : "within";
}

function sizes(model: ComparedModel): string {
  const { name, parameters = Number.NaN, flops = Number.NaN, bytes } = model;
  const cells = [name.replace(".onnx", ""), formatCount(parameters), formatCount(flops), formatBytes(bytes)];
  const latencies = ([1, "all"] as const).map((threads) => formatMilliseconds(median(model, threads)));
  return `| ${[...cells, ...latencies].join(" | ")} |`;
}

function savings(model: ComparedModel): string {
  const [one, all] = [faster(model, 1), faster(model, "all")];
  const saved = fewer(model);
  const cells = [
    model.name.replace(".onnx", ""),
    `${(100 * saved).toFixed(1)} %`,
    verdict(saved, FEWER),
    formatRatio((teacher.flops ?? Number.NaN) / (model.flops ?? Number.NaN)),
    formatRatio(one),
    formatRatio(all),
    `${verdict(one, FASTER)}; ${verdict(all, FASTER)}`,
  ];
  return `| ${cells.join(" | ")} |`;
}

await writeSection(
  join(root, "docs/claims.md"),
  "study:compression",
  `Medians of ${ROUNDS} turns or more. Machine: ${cpus().length} × ${cpus()[0]?.model.trim()}, ${versions.onnxruntime}.

| network | parameters | FLOPs | file | latency, 1 thread | all threads |
| --- | --- | --- | --- | --- | --- |
${models.map(sizes).join("\n")}

Against ${TEACHER}:

| student | fewer parameters | than ${100 * FEWER[0]}–${100 * FEWER[1]} % | FLOPs | faster, 1 thread | all threads | than ${FASTER[0]}–${FASTER[1]}× |
| --- | --- | --- | --- | --- | --- | --- |
${students.map(savings).join("\n")}`,
);
