/** What the networks of the study on texts cost: parameters, bytes, latency in turns, and what int8 does to them. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { evaluationBatches } from "../../src/data/batches.ts";
import { feedsFor } from "../../src/data/inputs.ts";
import { openData } from "../../src/data/node/open-data.ts";
import { statisticsOf } from "../../src/data/normalize.ts";
import { type Samples, subset } from "../../src/data/samples.ts";
import { parseData } from "../../src/distill/recipe/parse.ts";
import { inInt8 } from "../../src/distill/teacher/int8.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { readOnnx } from "../../src/graph/onnx/read.ts";
import { writeOnnx } from "../../src/graph/onnx/write.ts";
import { measureInTurns, randomFeeds } from "../../src/measure/latency.ts";
import { profileGraph } from "../../src/measure/profile.ts";
import { formatBytes, formatInteger, formatPercent } from "../../src/report/format.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";
import { predict } from "../../src/train/evaluation.ts";

/** Tokens of a text that is timed. */
const TOKENS = 32;
/** Texts that int8 is calibrated on. */
const CALIBRATION = 128;

/** @param kept Where the study has its networks, relative to the repository. */
export async function costTable(data: unknown, root: string, kept: string): Promise<string> {
  const splits = await openData(parseData(data), { relativeTo: root });
  const read = async (name: string): Promise<Graph> => readOnnx(await readFile(join(root, kept, name, "student.onnx")));
  const [teacher, student] = [await read("teacher"), await read("student")];
  const networks = {
    teacher,
    "half its depth, taught": student,
    "teacher, int8": await rounded(teacher, splits.train),
    "half its depth, taught, int8": await rounded(student, splits.train),
  };
  const runtime = nodeRuntime({ threads: 1 });
  const measured = [];
  for (const [name, graph] of Object.entries(networks)) {
    const bytes = writeOnnx(graph);
    const session = await runtime.createSession(bytes);
    const { accuracy } = await predict(session, graph, splits.test, await statisticsOf(splits.train));
    measured.push({ name, graph, bytes: bytes.length, session, accuracy });
  }
  const sizes = Object.fromEntries(
    teacher.inputs.flatMap(({ shape }) =>
      shape.filter((size) => typeof size === "string").map((size, axis) => [size, axis === 0 ? 1 : TOKENS]),
    ),
  );
  const times = await measureInTurns(measured.map(({ graph, session }) => ({ session, feeds: randomFeeds(graph, sizes) })));
  for (const { session } of measured) await session.release();
  const slowest = times[0]?.median ?? Number.NaN;
  const rows = measured.map(({ name, graph, bytes, accuracy }, place) => {
    const median = times[place]?.median ?? Number.NaN;
    return `| ${name} | ${formatInteger(profileGraph(graph, sizes).parameters)} | ${formatBytes(bytes)} | ${formatPercent(accuracy)} | ${(slowest / median).toFixed(2)} |`;
  });
  return `One thread, one text of ${TOKENS} tokens, timed in turns (the teacher: ${slowest.toFixed(1)} ms). Accuracy of one seed.

| network | parameters | bytes | SST-2 | times as fast |
| --- | --- | --- | --- | --- |
${rows.join("\n")}`;
}

function rounded(graph: Graph, train: Samples): Promise<Graph> {
  const some = subset(
    train,
    Uint32Array.from({ length: CALIBRATION }, (_, index) => index),
  );
  return inInt8(nodeRuntime(), graph, feeds(graph, some));
}

async function* feeds({ inputs }: Graph, samples: Samples) {
  const names = inputs.map(({ name }) => name);
  for await (const batch of evaluationBatches(samples, { batchSize: 32 })) yield feedsFor(names, batch.inputs);
}
