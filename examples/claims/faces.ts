/** Retrieval of faces: students of an embedding, with and without the relations of a teacher's (ORL faces; people 15 to 40 are never trained on). */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { memorySamples, type Samples, type Splits } from "../../src/data/samples.ts";
import { type Outcome, runRecipe } from "../../src/distill/distill.ts";
import { parseRecipe } from "../../src/distill/recipe/parse.ts";
import type { RecipeInput } from "../../src/distill/recipe/schema.ts";
import { listTaps } from "../../src/distill/taps.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { writeOnnx } from "../../src/graph/onnx/write.ts";
import { canonicalize } from "../../src/graph/rewrite/canonicalize.ts";
import { inferShapes } from "../../src/graph/rewrite/infer.ts";
import { pruneDead } from "../../src/graph/rewrite/prune.ts";
import { type Float32Tensor, float32 } from "../../src/graph/tensor.ts";
import { nodeRuntime } from "../../src/runtime/node.ts";

const [PEOPLE, TRAINED, IMAGES] = [40, 14, 10];
const runtime = nodeRuntime({ threads: 1 });

/** Recall@1 by way of training, of each seed. */
export interface Retrieval {
  readonly teacher: number;
  readonly alone: readonly number[];
  /** By relations to the teacher alone, and beside triplets. */
  readonly related: readonly number[];
  readonly both: readonly number[];
}

/** @param folder Of the data set: one folder of PGM files for each person. @returns Nothing where it is not there. */
export async function retrieval(folder: string, seeds: readonly number[]): Promise<Retrieval | undefined> {
  if (!existsSync(folder)) {
    console.log(`The faces are left out: there is no folder ${folder}.`);
    return undefined;
  }
  const [known, unseen] = [facesOf(folder, 0, TRAINED), facesOf(folder, TRAINED, PEOPLE)];
  const data: Splits = { train: known, validation: known, test: known };
  const run = (recipe: Partial<RecipeInput>, teacher?: Uint8Array): Promise<Outcome> =>
    runRecipe(parseRecipe({ ...common, ...recipe }), {
      runtime,
      openData: async () => data,
      readFile: async () => teacher as Uint8Array,
    });
  const recall = async ({ student, normalization }: Outcome) => recallAt1(await embedded(student.graph, unseen, normalization), unseen);
  const large = await run({ student: { zoo: "small-cnn", channels: [32, 64, 128], depth: 2 }, losses: [{ triplet: {} }] });
  const students = { alone: [] as number[], related: [] as number[], both: [] as number[] };
  // The paper's weights for embeddings.
  const relations: RecipeInput["losses"] = [{ rkdDistance: { weight: 1 } }, { rkdAngle: { weight: 2 } }];
  const taught = (seed: number, losses: RecipeInput["losses"]) => run({ seed, losses, teacher: "teacher.onnx" }, large.student.bytes);
  for (const seed of seeds) {
    students.alone.push(await recall(await run({ seed, losses: [{ triplet: {} }] })));
    students.related.push(await recall(await taught(seed, relations)));
    students.both.push(await recall(await taught(seed, [{ triplet: {} }, ...relations])));
    const shown = Object.values(students).map((values) => ((values.at(-1) ?? 0) * 100).toFixed(1));
    console.log(`faces, seed ${seed}: ${shown.join(", ")} %`);
  }
  return { teacher: await recall(large), ...students };
}

const common: RecipeInput = {
  data: { idx: "faces", augment: [{ affine: { rotate: 8, scale: [0.9, 1.1], translate: 2 } }, { flip: true }] },
  student: { zoo: "small-cnn", channels: [4, 8, 16], depth: 1 },
  optimizer: { adamw: { learningRate: { oneCycle: { peak: 0.01 } } } },
  // Five of each of the 14 people, so that a triplet finds its likes.
  batchSize: 70,
  epochs: 100,
  baseline: false,
  shares: false,
  cache: false,
};

/** The images of some of the people. */
function facesOf(folder: string, from: number, to: number): Samples {
  const pictures = Array.from({ length: (to - from) * IMAGES }, (_, place) =>
    readPgm(join(folder, `s${from + Math.floor(place / IMAGES) + 1}`, `${(place % IMAGES) + 1}.pgm`)),
  );
  const [{ width, height }] = pictures as [Picture];
  return memorySamples({
    name: `people ${from + 1} to ${to}`,
    sampleShape: [1, height, width],
    classes: Array.from({ length: to - from }, (_, person) => `s${from + person + 1}`),
    pixels: Uint8Array.from(pictures.flatMap(({ pixels }) => [...pixels])),
    labels: Uint8Array.from({ length: pictures.length }, (_, place) => Math.floor(place / IMAGES)),
  });
}

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** A binary grey map (P5). */
function readPgm(path: string): Picture {
  const bytes = readFileSync(path);
  const [header, width, height] = /^P5\s+(?:#[^\n]*\n\s*)*(\d+)\s+(\d+)\s+255\s/.exec(bytes.toString("latin1", 0, 200)) ?? [];
  if (header === undefined) throw new Error(`${path} is no binary PGM file of 8 bits.`);
  const [columns, rows] = [Number(width), Number(height)];
  return { width: columns, height: rows, pixels: bytes.subarray(header.length, header.length + columns * rows) };
}

/** What a network makes of samples before its classifier, each of unit length. */
async function embedded(network: Graph, samples: Samples, { mean, std }: Outcome["normalization"]): Promise<readonly Float32Array[]> {
  const graph = canonicalize(network);
  const pooled = listTaps(graph).find(({ aliases }) => aliases.includes("pooled"));
  const value = inferShapes(graph).get(pooled?.name ?? "");
  if (!value) throw new Error(`"${network.name}" has no pooled features.`);
  const session = await runtime.createSession(writeOnnx(pruneDead({ ...graph, outputs: [value] })));
  const size = samples.sampleShape.reduce((product, side) => product * side, 1);
  const inputs = new Float32Array(samples.length * size);
  for (let index = 0; index < samples.length; index++) samples.read(index, inputs.subarray(index * size, (index + 1) * size));
  const [centre, scale] = [mean[0] as number, std[0] as number];
  const normalised = inputs.map((pixel) => (pixel - centre) / scale);
  const outputs = await session.run({
    [graph.inputs[0]?.name ?? ""]: float32(normalised, [samples.length, ...samples.sampleShape]),
  });
  await session.release();
  const features = outputs[value.name] as Float32Tensor;
  const width = Number(value.shape[1]);
  return Array.from({ length: samples.length }, (_, row) => {
    const vector = features.data.slice(row * width, (row + 1) * width);
    const length = Math.hypot(...vector);
    return vector.map((entry) => entry / length);
  });
}

/** How often the nearest other sample is of the same person. */
function recallAt1(vectors: readonly Float32Array[], samples: Samples): number {
  const hits = vectors.filter((vector, index) => {
    const similarities = vectors.map((other, place) =>
      place === index ? Number.NEGATIVE_INFINITY : vector.reduce((sum, entry, axis) => sum + entry * (other[axis] as number), 0),
    );
    return samples.label(similarities.indexOf(Math.max(...similarities))) === samples.label(index);
  });
  return hits.length / vectors.length;
}
