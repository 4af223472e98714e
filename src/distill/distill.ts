import type { Normalization } from "../data/normalize.ts";
import type { Splits } from "../data/samples.ts";
import { LimbeckError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { answersOnly } from "../train/classifier.ts";
import type { Predictions } from "../train/evaluation.ts";
import { checkBalance } from "./balance.ts";
import type { Environment } from "./environment.ts";
import { generationsOf, type Link, lineOf } from "./line.ts";
import { meanOfNetworks } from "./merge.ts";
import { peersOf } from "./mutual.ts";
import { needsTeacher, objectiveOf, outputsOf } from "./objective.ts";
import type { Recipe } from "./recipe/schema.ts";
import { labelledPart, type RecipeData, readData } from "./recipe-data.ts";
import { checkSnapshots } from "./snapshots.ts";
import { learnsFromOthers, stagesOf, withoutTeacher } from "./stages.ts";
import { describeFidelity } from "./teacher/int8.ts";
import { teacherSources } from "./teacher/sources.ts";
import { loadTeacher, type ReadTeacher, readTeacher, type Teacher } from "./teacher.ts";
import { type Exported, exported, type Trained, trainNetwork } from "./train-network.ts";

/** A teacher of a run, and how it does on the test set. */
export type TaughtBy = Pick<Teacher, "graph" | "bytes" | "fidelity"> & { readonly predictions: Predictions };

/** A network that a run makes beside its student, and what it is to that: `assistant-1`, `generation-1`, `average`, `peer-1`, `ensemble`. */
export interface Relative {
  readonly name: string;
  readonly network: Exported | Trained;
}

export interface Outcome {
  readonly recipe: Recipe;
  readonly data: Splits;
  readonly normalization: Normalization;
  /** Those that came as files, in the recipe's order. */
  readonly teachers: readonly TaughtBy[];
  /** Those that taught the student or an earlier one, in their order, and those trained together with it. */
  readonly relatives: readonly Relative[];
  readonly student: Trained;
  /** The same student trained the same way without the teacher. */
  readonly baseline?: Trained;
}

/**
 * Runs a recipe: loads the teachers, trains the student (and the same student without them), tests all of them.
 *
 * @throws LimbeckError when the recipe, the data and the models don't fit together, before any training starts.
 */
export async function runRecipe(recipe: Recipe, environment: Environment): Promise<Outcome> {
  checkSnapshots(recipe, environment);
  const read = await readData(recipe, environment);
  checkBalance(recipe, stagesOf(recipe), read.data.validation.length);
  const line = await lineOf(recipe, read.data.train, environment.readFile);
  const peers = await peersOf(recipe, read.data.train, environment.readFile);
  const { teachers, trained } = await trainLine(line, peers, read, environment);
  const [student, { network, plain }] = [trained.at(-1) as Trained, line.at(-1) as Link];
  const alone = {
    phase: "baseline",
    recipe: { ...recipe, teacher: undefined },
    network: plain ?? network,
    stages: withoutTeacher(recipe),
    teachers: [],
  } as const;
  const baseline =
    recipe.baseline && learnsFromOthers(recipe) && read.data.train.classes.length > 0
      ? await trainNetwork({ ...alone, ...labelledPart(read), environment })
      : undefined;
  const relatives: Relative[] = [
    ...line.slice(0, -1).map(({ phase }, index) => ({ name: phase, network: trained[index] as Trained })),
    ...trained.flatMap(({ average }) => (average ? [{ name: "average", network: average }] : [])),
    ...student.peers.map((network, index) => ({ name: `peer-${index + 1}`, network })),
  ];
  const { count, ensemble } = generationsOf(recipe);
  if (ensemble) {
    const members = trained.slice(-count).map(({ graph }) => graph);
    relatives.push({ name: "ensemble", network: await exported({ ...read, environment }, meanOfNetworks(members)) });
  }
  return { recipe, ...read, teachers, relatives, student, baseline };
}

/** Trains the networks of a line one after the other. @param peers Those of the last. */
async function trainLine(line: readonly Link[], peers: readonly Graph[], read: RecipeData, environment: Environment) {
  const tested: TaughtBy[] = [];
  const trained: Trained[] = [];
  for (const [index, link] of line.entries()) {
    const { phase, recipe, network } = link;
    const before = trained.at(-1);
    const isUntaught = !before && line.length > 1 && recipe.teacher === undefined;
    const teachers = before
      ? await loadTeachers([{ ...before, source: line[index - 1]?.phase ?? phase }], recipe, network, read, environment)
      : isUntaught
        ? []
        : await openTeachers(recipe, network, read, environment);
    try {
      if (!before) {
        for (const teacher of teachers) {
          const graph = answersOnly(teacher.graph);
          const bytes = graph === teacher.graph ? teacher.bytes : writeOnnx(graph);
          tested.push({ graph, bytes, fidelity: teacher.fidelity, predictions: await teacher.predict(read.data.test) });
        }
      }
      const how = isUntaught ? { stages: withoutTeacher(recipe), ...labelledPart(read) } : { stages: stagesOf(recipe), ...read };
      trained.push(await trainNetwork({ ...link, ...how, peers: phase === "student" ? peers : [], teachers, environment }));
    } finally {
      await Promise.all(teachers.map(({ release }) => release()));
    }
  }
  return { teachers: tested, trained };
}

/**
 * Opens the teachers that a recipe's losses need, with all that these ask of them.
 *
 * @throws LimbeckError when the losses need a teacher and the recipe names none, or a loss finds nothing to compare.
 */
export async function openTeachers(
  recipe: Recipe,
  student: Graph,
  read: RecipeData,
  environment: Environment,
): Promise<readonly Teacher[]> {
  if (!stagesOf(recipe).some(({ losses }) => losses.some(needsTeacher))) return [];
  const { files, average } = teacherSources(recipe);
  if (files.length === 0 && !average) {
    throw new LimbeckError("The losses need a teacher, but the recipe names none.", {
      hint: "Add `teacher: path/to/teacher.onnx`, or train on crossEntropy alone.",
    });
  }
  if (files.length > 0) environment.events?.onStage?.(files.length === 1 ? "Testing the teacher" : "Testing the teachers");
  const known: ReadTeacher[] = [];
  for (const path of files) known.push(readTeacher(await environment.readFile(path), path, read.data.train));
  return loadTeachers(known, recipe, student, read, environment);
}

/** Loads teachers with all that a recipe's losses ask of them. */
async function loadTeachers(
  read: readonly ReadTeacher[],
  recipe: Recipe,
  student: Graph,
  { data, normalization }: RecipeData,
  { runtime, events }: Environment,
): Promise<readonly Teacher[]> {
  const { average } = teacherSources(recipe);
  const networks = {
    student,
    teachers: [...read.map(({ graph }) => graph), ...(average ? [student] : [])],
    classes: data.train.classes.length,
    samples: data.train.length,
    combine: recipe.combine,
  };
  const objectives = stagesOf(recipe).map(({ losses }) => objectiveOf(losses, networks));
  const int8 = recipe.teacherPrecision === "int8" ? { validation: data.validation } : undefined;
  const teachers: Teacher[] = [];
  for (const [index, known] of read.entries()) {
    const outputs = outputsOf(objectives, index);
    const teacher = await loadTeacher(runtime, known, data.train, normalization, { threads: recipe.threads, int8, index, outputs });
    if (teacher.fidelity) events?.onStage?.(describeFidelity(teacher.fidelity, data.validation.length));
    teachers.push(teacher);
  }
  return teachers;
}
