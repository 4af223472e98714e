import type { Samples } from "../data/samples.ts";
import { LimbeckError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import type { Environment, Phase } from "./environment.ts";
import { toNetwork } from "./network.ts";
import { needsTeacher, objectiveOf } from "./objective.ts";
import type { NetworkRecipe, Recipe } from "./recipe/schema.ts";
import { TEACHER_PREFIX, withTeacherClassifier } from "./simkd.ts";
import { stagesOf } from "./stages.ts";
import { teacherSources } from "./teacher/sources.ts";
import { readTeacher } from "./teacher.ts";

/** One of the networks that a run trains in turn: the first learns from the recipe's teachers, each other one from the one before. */
export interface Link {
  readonly phase: Phase;
  /** As it is for this link. */
  readonly recipe: Recipe;
  readonly network: Graph;
  /** What it is compared with, where that isn't the same network. */
  readonly plain?: Graph;
}

/**
 * The networks that a run trains in turn, the student last: teacher assistants (Mirzadeh et al., 2019, arXiv:1902.03393), then earlier
 * generations of the student (born-again networks, Furlanello et al., 2018, arXiv:1805.04770), each beginning anew, from a seed of its own.
 *
 * @throws LimbeckError when there is nobody to learn from, or a loss finds in two neighbours nothing to compare.
 */
export async function lineOf(recipe: Recipe, samples: Samples, readFile: Environment["readFile"]): Promise<readonly [Link, ...Link[]]> {
  checkNeighbours(recipe);
  const line: Link[] = [];
  const add = async (phase: Phase, network: NetworkRecipe, seed: number) => {
    const before = line.length === 0 ? {} : ({ teacher: undefined, combine: "mean" } as const);
    line.push({ phase, recipe: { ...recipe, ...before, seed }, network: await toNetwork(network, samples, seed, readFile) });
  };
  for (const [index, assistant] of recipe.assistants.entries()) await add(`assistant-${index + 1}`, assistant, recipe.seed);
  const { count } = generationsOf(recipe);
  for (let earlier = count - 1; earlier > 0; earlier--) {
    await add(`generation-${count - earlier}`, reseeded(recipe.student, earlier), recipe.seed + earlier);
  }
  await add("student", recipe.student, recipe.seed);
  if (recipe.teacherClassifier) return [await withClassifierOf(recipe, line, samples, readFile)];
  checkLosses(line, samples);
  return line as [Link, ...Link[]];
}

/** The student with its teacher's classifier, which stays as it is (SimKD). */
async function withClassifierOf(recipe: Recipe, line: readonly Link[], samples: Samples, readFile: Environment["readFile"]): Promise<Link> {
  const [link] = line as [Link];
  const [file, ...others] = teacherSources(recipe).files;
  if (line.length > 1 || file === undefined || others.length > 0) {
    throw new LimbeckError("A student takes over the classifier of exactly one teacher, which is a file.", {
      where: "teacherClassifier",
      hint: "Name one teacher, and neither assistants nor generations.",
    });
  }
  const { graph } = readTeacher(await readFile(file), file, samples);
  const frozen = (patterns: readonly string[]) => [...patterns, `${TEACHER_PREFIX}*`];
  const stages = recipe.stages?.map((stage) => ({ ...stage, frozen: frozen(stage.frozen ?? recipe.frozen) }));
  return {
    ...link,
    recipe: { ...link.recipe, frozen: frozen(recipe.frozen), stages },
    network: withTeacherClassifier(link.network, graph, { seed: recipe.seed }),
    plain: link.network,
  };
}

/** How many students a run trains in turn, and whether it also tests them together. */
export function generationsOf({ generations = 1 }: Pick<Recipe, "generations">): { readonly count: number; readonly ensemble: boolean } {
  return typeof generations === "number" ? { count: generations, ensemble: false } : generations;
}

/** The same network from other weights, where it says what its weights follow from. */
function reseeded(network: NetworkRecipe, by: number): NetworkRecipe {
  return "seed" in network && network.seed !== undefined ? { ...network, seed: network.seed + by } : network;
}

function checkNeighbours(recipe: Recipe): void {
  if (recipe.assistants.length > 0 && recipe.teacher === undefined) {
    throw new LimbeckError("Assistants stand between a teacher and the student, but the recipe names no teacher.", {
      hint: "Add `teacher: path/to/teacher.onnx`, or leave assistants out.",
    });
  }
  const isLine = recipe.assistants.length > 0 || generationsOf(recipe).count > 1;
  if (isLine && !stagesOf(recipe).some(({ losses }) => losses.some(needsTeacher))) {
    throw new LimbeckError("None of the recipe's losses learns from the network before.", { hint: "Add kd or hinton to the losses." });
  }
}

/** Before the first of them is trained. */
function checkLosses(line: readonly Link[], samples: Samples): void {
  const sizes = { classes: samples.classes.length, samples: samples.length };
  line.slice(1).forEach(({ recipe, network }, index) => {
    const teachers = [line[index]?.network as Graph];
    for (const { losses } of stagesOf(recipe)) objectiveOf(losses, { ...sizes, student: network, teachers });
  });
}
