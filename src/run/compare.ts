import { resolve, sep } from "node:path";
import { LimbeckError } from "../errors.ts";
import { formatShape, type Graph } from "../graph/graph.ts";
import { bindDimensions, symbolicDimensions } from "../graph/rewrite/infer.ts";
import { agreement } from "../measure/classification.ts";
import { estimateEnergy, numberFormatOf } from "../measure/energy.ts";
import { measureInTurns, type Runnable, randomFeeds } from "../measure/latency.ts";
import { paretoFront } from "../measure/pareto.ts";
import { measurePeakMemory } from "../measure/peak-memory.node.ts";
import { type Profile, profileGraph } from "../measure/profile.ts";
import { measureEnergy, openEnergyMeter } from "../measure/rapl.node.ts";
import { scoresOf } from "../measure/scores.ts";
import {
  type ComparedLatency,
  type ComparedModel,
  type Comparison,
  type Cost,
  costOf,
  costs,
  type Threads,
  threadsText,
} from "../report/compare.ts";
import { nodeRuntime } from "../runtime/node.ts";
import type { Session } from "../runtime/runtime.ts";
import { takesTokens } from "../train/classifier.ts";
import type { Predictions } from "../train/evaluation.ts";
import { type EvaluateOptions, testModel } from "./evaluate.ts";
import { thisMachine } from "./machine.ts";
import { readOnnxFile } from "./onnx-file.ts";
import { packageVersion } from "./package.ts";

export interface CompareOptions {
  /** With what others are to agree; the first model unless given. */
  readonly reference?: string;
  /** What to test on: a directory or file of data of any kind, `KIND:PATH`, or `npm:PACKAGE/DIRECTORY`. Without it nothing is tested. */
  readonly data?: string;
  /** Of texts: a folder or file; the one beside each model unless given. */
  readonly tokenizer?: string;
  readonly split?: "train" | "test";
  /** Samples at once, beside one alone; 32 unless given. */
  readonly batch?: number;
  /** Of the runtime, beside one alone; the runtime's default (all cores) unless given. */
  readonly threads?: number;
  /** Turns that each model gets when it is timed; 10 unless given. */
  readonly rounds?: number;
  /** Of open dimensions but the batch, by name. */
  readonly sizes?: Readonly<Record<string, number>>;
  readonly relativeTo?: string;
  /** A line about what begins. */
  readonly onStage?: (text: string) => void;
}

/** A model as it was read, with what it is fed. */
interface Read {
  readonly path: string;
  readonly name: string;
  readonly graph: Graph;
  readonly bytes: Uint8Array;
  /** Of its open dimensions but the batch. */
  readonly sizes: Readonly<Record<string, number>>;
}

/**
 * Measures ONNX models side by side on the CPU: accuracy and agreement where there is data, parameters, operations, bytes, latency in turns,
 * memory and energy.
 *
 * @throws LimbeckError for fewer than two models, for files that are none, and for models that don't fit the data.
 */
export async function compare(paths: readonly string[], options: CompareOptions = {}): Promise<Comparison> {
  const { batch = 32, threads, data, tokenizer, split = "test", relativeTo = process.cwd(), onStage = () => {} } = options;
  const models = await readModels(paths, options);
  const reference = models.find(({ path }) => isSame(path, options.reference ?? (paths[0] as string))) as Read;
  const runtime = nodeRuntime({ threads });
  const profiles = models.map(profileOf);
  const location = data === undefined ? undefined : { data, tokenizer, split, relativeTo };
  const answers = location && (await test(models, location, onStage));
  const referred = answers?.predictions.get(reference);
  const latencies = await timed(models, { ...options, batch, onStage });
  onStage("Measuring energy and memory");
  const energy = await energyOf(models, profiles);
  const compared: ComparedModel[] = [];
  for (const [place, model] of models.entries()) {
    const own = answers?.predictions.get(model);
    const { profile, notes } = profiles[place] as Profiled;
    compared.push({
      name: model.name,
      path: model.path,
      inputs: model.graph.inputs
        .map(({ name, type, shape }) => `${name} ${formatShape(shape)}${type === "float32" ? "" : ` ${type}`}`)
        .join(", "),
      format: numberFormatOf(model.graph),
      bytes: model.bytes.length,
      parameters: profile?.parameters,
      flops: profile && profile.flops / profile.batch,
      scores: own && scoresOf(own),
      agreement: own && referred && model !== reference ? agreement(own.logits, referred.logits, own.classes) : undefined,
      latencies: latencies[place] as readonly ComparedLatency[],
      peakMemoryBytes: await peakMemoryOf(model, threads),
      joules: energy.joules[place],
      notes,
    });
  }
  return {
    reference: reference.name,
    data: answers && { location: data as string, split, samples: answers.samples },
    batch,
    energy: energy.source,
    machine: thisMachine(),
    versions: { limbeck: packageVersion(), onnxruntime: runtime.version, node: process.version },
    models: answers ? withFronts(compared) : compared,
  };
}

async function readModels(given: readonly string[], { reference, sizes = {} }: CompareOptions): Promise<readonly Read[]> {
  const paths = reference === undefined || given.some((path) => isSame(path, reference)) ? given : [reference, ...given];
  if (paths.length < 2) throw new LimbeckError("There is nothing to compare one model with.", { hint: "Give two or more." });
  const names = namesOf(paths);
  const models: Read[] = [];
  for (const [place, path] of paths.entries()) {
    const { graph, bytes } = await readOnnxFile(path);
    models.push({ path, name: names[place] as string, graph, bytes, sizes: sizesFor(graph, sizes, path) });
  }
  const unknown = Object.keys(sizes).find((name) => !models.some(({ graph }) => symbolicDimensions(graph).includes(name)));
  if (unknown !== undefined) throw new LimbeckError(`None of the models has an open dimension named "${unknown}".`);
  return models;
}

const isSame = (a: string, b: string): boolean => resolve(a) === resolve(b);

/** The sizes that a model has. @throws LimbeckError when one is left open. */
function sizesFor(graph: Graph, sizes: Readonly<Record<string, number>>, path: string): Readonly<Record<string, number>> {
  const open = symbolicDimensions(graph).filter((name) => name !== batchName(graph));
  const missing = open.find((name) => !Object.hasOwn(sizes, name));
  if (missing !== undefined)
    throw new LimbeckError(`The size of "${missing}" is left open.`, { where: path, hint: `Give it: --size ${missing}=128.` });
  return Object.fromEntries(open.map((name) => [name, sizes[name] as number]));
}

/** What the model calls its batch, where that is open. */
function batchName(graph: Graph): string | undefined {
  const size = graph.inputs[0]?.shape[0];
  return typeof size === "string" ? size : undefined;
}

/** File names, each with as many of its folders as tell it from the others. */
export function namesOf(paths: readonly string[]): readonly string[] {
  const parts = paths.map((path) => resolve(path).split(sep));
  const named = parts.map((own, place) => {
    const others = parts.filter((_, other) => other !== place).map((other) => other.join("/"));
    const lengths = Array.from({ length: own.length }, (_, index) => index + 1);
    const length = lengths.find((count) => !others.some((other) => `/${other}`.endsWith(`/${own.slice(-count).join("/")}`)));
    return own.slice(-(length ?? 1)).join("/");
  });
  // The same file twice.
  return named.map((name, place) => (named.indexOf(name) === place ? name : `${name} (${place + 1})`));
}

interface Profiled {
  readonly profile?: Profile;
  readonly notes: readonly string[];
}

/** What can't be counted is no reason not to time it. */
function profileOf(model: Read): Profiled {
  const fixed = fixedBatch(model) ?? 1;
  const notes = fixed > 1 ? [`it takes batches of exactly ${fixed}; its memory is for one of those.`] : [];
  try {
    return { profile: profileGraph(model.graph, model.sizes), notes };
  } catch (error) {
    if (!(error instanceof LimbeckError)) throw error;
    return { notes: [...notes, `its operations can't be counted: ${error.message}`] };
  }
}

async function test(
  models: readonly Read[],
  options: EvaluateOptions,
  onStage: (text: string) => void,
): Promise<{ readonly samples: number; readonly predictions: ReadonlyMap<Read, Predictions> }> {
  const runtime = nodeRuntime();
  const predictions = new Map<Read, Predictions>();
  for (const model of models) {
    onStage(`Testing ${model.name}`);
    // Of the sizes that were asked for, so that it is known what size images get.
    const isImages = !takesTokens(model.graph) && Object.keys(model.sizes).length > 0;
    const graph = isImages ? bindDimensions(model.graph, model.sizes) : model.graph;
    predictions.set(model, (await testModel(runtime, { ...model, graph }, options)).predictions);
  }
  return { samples: predictions.values().next().value?.labels.length ?? 0, predictions };
}

function feedsOf({ graph, sizes }: Read, samples: number): Runnable["feeds"] {
  const name = batchName(graph);
  return randomFeeds(graph, { ...(name !== undefined && { [name]: samples }), ...sizes });
}

/** The batch that a model was exported for; none where that is open. */
function fixedBatch({ graph }: Read): number | undefined {
  return batchName(graph) === undefined ? Number(graph.inputs[0]?.shape[0] ?? 1) : undefined;
}

const takes = (model: Read, samples: number): boolean => (fixedBatch(model) ?? samples) === samples;

/** One sample and `batch`, as far as any model takes them, and what models take that were exported for another batch. */
function batchesOf(models: readonly Read[], batch: number): readonly number[] {
  const all = [1, batch, ...models.flatMap((model) => fixedBatch(model) ?? [])];
  return [...new Set(all)].filter((samples) => models.some((model) => takes(model, samples)));
}

/** For each model its latencies, with one thread and with all. */
async function timed(
  models: readonly Read[],
  { batch, threads, rounds, onStage }: CompareOptions & Required<Pick<CompareOptions, "batch" | "onStage">>,
): Promise<readonly (readonly ComparedLatency[])[]> {
  const latencies = models.map((): ComparedLatency[] => []);
  for (const setting of threads === 1 ? ([1] as const) : ([1, threads ?? "all"] as const)) {
    await withSessions(models, setting, async (sessions) => {
      for (const samples of batchesOf(models, batch)) {
        onStage(`Timing batches of ${samples}, ${threadsText(setting)}`);
        const members = models.flatMap((model, place) => (takes(model, samples) ? [{ model, place }] : []));
        const runnables = members.map(({ model, place }) => ({ session: sessions[place] as Session, feeds: feedsOf(model, samples) }));
        for (const [index, found] of (await measureInTurns(runnables, { rounds })).entries()) {
          latencies[members[index]?.place as number]?.push({ batch: samples, threads: setting, ...found });
        }
      }
    });
  }
  return latencies;
}

/** Does something with a session of each model, and releases them. */
async function withSessions<T>(models: readonly Read[], threads: Threads, use: (sessions: readonly Session[]) => Promise<T>): Promise<T> {
  const runtime = nodeRuntime(threads === "all" ? {} : { threads });
  const sessions: Session[] = [];
  try {
    for (const { bytes } of models) sessions.push(await runtime.createSession(bytes));
    return await use(sessions);
  } finally {
    for (const session of sessions) await session.release();
  }
}

/** Joules per sample: counted where the machine shows them, else estimated. */
async function energyOf(
  models: readonly Read[],
  profiles: readonly Profiled[],
): Promise<{ readonly source: Comparison["energy"]; readonly joules: readonly (number | undefined)[] }> {
  const meter = openEnergyMeter();
  if ("unavailable" in meter) {
    const joules = profiles.map(
      ({ profile }, place) => profile && estimateEnergy(profile, numberFormatOf((models[place] as Read).graph)).joules,
    );
    return { source: { kind: "estimate", because: meter.unavailable }, joules };
  }
  const perRun = await withSessions(models, "all", (sessions) =>
    measureEnergy(
      sessions.map((session, place) => ({ session, feeds: feedsOf(models[place] as Read, 1) })),
      meter,
    ),
  );
  return {
    source: { kind: "rapl", domains: meter.domains },
    joules: perRun.map((joules, place) => joules / (fixedBatch(models[place] as Read) ?? 1)),
  };
}

function peakMemoryOf(model: Read, threads: number | undefined): Promise<number | undefined> {
  const inputs = Object.entries(feedsOf(model, 1)).map(([name, { type, shape }]) => ({ name, type, shape }));
  return measurePeakMemory({ model: resolve(model.path), inputs, threads });
}

/** Marks who is on the Pareto front of errors and each cost. */
function withFronts(models: readonly ComparedModel[]): readonly ComparedModel[] {
  const fronts = costs.map((cost) => paretoFront(models.map((model) => [1 - (model.scores?.accuracy ?? Number.NaN), costOf(model, cost)])));
  return models.map((model, place) => ({
    ...model,
    front: Object.fromEntries(costs.map((cost, index) => [cost, fronts[index]?.[place]])) as Record<Cost, boolean>,
  }));
}
