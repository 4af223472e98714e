import type { Normalization } from "../data/normalize.ts";
import type { Splits } from "../data/samples.ts";
import { LimbeckError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import type { Predictions } from "../train/evaluation.ts";
import { checkBalance } from "./balance.ts";
import type { Environment, Phase } from "./environment.ts";
import { toNetwork } from "./network.ts";
import { needsTeacher, objectiveOf, outputsOf } from "./objective.ts";
import type { Recipe } from "./recipe/schema.ts";
import { type RecipeData, readData } from "./recipe-data.ts";
import { checkSnapshots } from "./snapshots.ts";
import { type Stage, stagesOf, withoutTeacher } from "./stages.ts";
import { describeFidelity } from "./teacher/int8.ts";
import { loadTeacher, type ReadTeacher, readTeacher, type Teacher } from "./teacher.ts";
import { type Trained, trainNetwork } from "./train-network.ts";

/** A teacher of a run, and how it does on the test set. */
export type TaughtBy = Pick<Teacher, "graph" | "bytes" | "fidelity"> & { readonly predictions: Predictions };

export interface Outcome {
  readonly recipe: Recipe;
  readonly data: Splits;
  readonly normalization: Normalization;
  /** In the recipe's order. */
  readonly teachers: readonly TaughtBy[];
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
  const { data, normalization } = await readData(recipe, environment);
  const network = await toNetwork(recipe.student, data.train, recipe.seed, environment.readFile);
  const stages = stagesOf(recipe);
  checkBalance(recipe, stages, data.validation.length);
  const teachers = await openTeachers(recipe, network, { data, normalization }, environment);
  try {
    const train = (phase: Phase, planned: readonly Stage[], from: readonly Teacher[]) =>
      trainNetwork({ phase, recipe, stages: planned, network, data, normalization, teachers: from, environment });
    const taught: TaughtBy[] = [];
    for (const { graph, bytes, fidelity, predict } of teachers)
      taught.push({ graph, bytes, fidelity, predictions: await predict(data.test) });
    const student = await train("student", stages, teachers);
    const baseline = teachers.length > 0 && recipe.baseline ? await train("baseline", withoutTeacher(recipe), []) : undefined;
    return { recipe, data, normalization, teachers: taught, student, baseline };
  } finally {
    await Promise.all(teachers.map(({ release }) => release()));
  }
}

/**
 * Opens the teachers that a recipe's losses need, with all that these ask of them.
 *
 * @throws LimbeckError when the losses need a teacher and the recipe names none, or a loss finds nothing to compare.
 */
export async function openTeachers(
  recipe: Recipe,
  student: Graph,
  { data, normalization }: RecipeData,
  environment: Environment,
): Promise<readonly Teacher[]> {
  const stages = stagesOf(recipe);
  if (!stages.some(({ losses }) => losses.some(needsTeacher))) return [];
  const paths = teacherPaths(recipe);
  if (paths.length === 0) {
    throw new LimbeckError("The losses need a teacher, but the recipe names none.", {
      hint: "Add `teacher: path/to/teacher.onnx`, or train on crossEntropy alone.",
    });
  }
  const { runtime, readFile, events } = environment;
  events?.onStage?.(paths.length === 1 ? "Testing the teacher" : "Testing the teachers");
  const read: ReadTeacher[] = [];
  for (const path of paths) read.push(readTeacher(await readFile(path), path, data.train));
  const networks = {
    student,
    teachers: read.map(({ graph }) => graph),
    classes: data.train.classes.length,
    samples: data.train.length,
    combine: recipe.combine,
  };
  const objectives = stages.map(({ losses }) => objectiveOf(losses, networks));
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

const teacherPaths = ({ teacher = [] }: Recipe): readonly string[] => (typeof teacher === "string" ? [teacher] : teacher);
