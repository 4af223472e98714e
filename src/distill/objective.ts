import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Graph, Value } from "../graph/graph.ts";
import type { FeatureLoss, FeaturePair, LogitLoss, LossDefinition, LossParts } from "../losses/loss.ts";
import { type LossName, lossTable } from "../losses/table.ts";
import type { ScheduleRecipe } from "../options.ts";
import type { Schedule } from "../train/schedules.ts";
import type { LossContext, LossTerm } from "../train/step.ts";
import { fitPair } from "./adapters.ts";
import { type PairRecipe, resolvePairs, type TapPair, type Tapped } from "./pairs.ts";
import type { LossRecipe } from "./recipe/schema.ts";
import { toSchedule } from "./schedule.ts";
import { listTaps } from "./taps.ts";

/** Name under which losses see a teacher's first output. */
export const LOGITS = "logits";

/** The networks between which losses act. */
export interface Networks {
  readonly student: Graph;
  /** As they answer, in the recipe's order. */
  readonly teachers: readonly Graph[];
  readonly classes: number;
  /** In the training set. */
  readonly samples: number;
}

/** What a recipe's losses come to: terms for the step, and the schedules of their weights and other numbers. */
export interface Objective {
  readonly terms: readonly LossTerm[];
  readonly schedules: Readonly<Record<string, Schedule>>;
}

/** A loss of the table with what a recipe says of it. */
interface Asked {
  readonly name: LossName;
  readonly definition: LossDefinition;
  readonly recipe: Readonly<Record<string, unknown>> & { readonly weight: ScheduleRecipe; readonly pairs?: readonly PairRecipe[] };
}

/** @throws LimbeckError when a loss finds in a network nothing to compare. */
export function objectiveOf(losses: readonly LossRecipe[], networks: Networks): Objective {
  const tapped = tappedOnce(networks);
  const terms: LossTerm[] = [];
  const schedules: Record<string, Schedule> = {};
  for (const asked of losses.flatMap(askedFor)) {
    const { name, definition, recipe } = asked;
    const taken = terms.filter((term) => term.name === name || term.name.startsWith(`${name}-`)).length;
    const unique = taken === 0 ? name : `${name}-${taken + 1}`;
    for (const key of ["weight", ...Object.keys(definition.numbers)])
      schedules[`${key}:${unique}`] = toSchedule(recipe[key] as ScheduleRecipe);
    terms.push({
      name: unique,
      ...(definition.of === "logits" ? onLogits(definition, asked, networks) : onFeatures(definition, asked, networks, tapped)),
    });
  }
  return { terms, schedules };
}

/** The losses of the table that one of the recipe's stands for. */
function askedFor(loss: LossRecipe): Asked[] {
  const ofTable = (name: LossName, recipe: unknown): Asked => ({ name, definition: lossTable[name], recipe: recipe as Asked["recipe"] });
  if ("hinton" in loss) {
    const { alpha, temperature } = loss.hinton;
    return [
      ofTable("crossEntropy", { weight: 1 - alpha, labelSmoothing: 0 }),
      ofTable("kd", { ...KD_OPTIONS, weight: alpha, temperature }),
    ];
  }
  const [[name, recipe] = []] = Object.entries(loss) as [LossName, unknown][];
  return [ofTable(name as LossName, recipe)];
}

const KD_OPTIONS = {};

/** Whether a loss needs a teacher. */
export function needsTeacher(loss: LossRecipe): boolean {
  return termsOf(loss).includes("soft");
}

/** What each term of a loss learns from: `hard` from labels alone, `soft` from a teacher. */
export function termsOf(loss: LossRecipe): readonly ("hard" | "soft")[] {
  return askedFor(loss).map(({ definition }) => (definition.of === "logits" && definition.needsTeacher === false ? "hard" : "soft"));
}

/** The outputs that objectives need of a teacher, by tensor (`logits` for the first output): the shape of one sample. */
export function outputsOf(objectives: readonly Objective[], teacher: number): Readonly<Record<string, readonly number[]>> {
  const prefix = teacherName(teacher, "");
  const needed = objectives.flatMap(({ terms }) => terms.flatMap((term) => Object.entries(term.teacher ?? {})));
  return Object.fromEntries(needed.flatMap(([name, shape]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), shape]] : [])));
}

/** The name by which a step knows a tensor of a teacher. */
export const teacherName = (teacher: number, tensor: string): string => `${teacher}:${tensor}`;

type Term = Pick<LossTerm, "teacher" | "build">;

function onLogits(definition: LogitLoss, { recipe }: Asked, { teachers, classes, samples }: Networks): Term {
  const asksTeacher = definition.needsTeacher !== false;
  return {
    ...(asksTeacher && { teacher: Object.fromEntries(teachers.map((_, index) => [teacherName(index, LOGITS), [classes]])) }),
    build: (context) => {
      const scene = { ...sceneOf(definition, recipe, context), classes, samples, student: context.logits };
      if (!asksTeacher) return meanOf(context.g, definition.build({ ...scene, teacher: context.logits }));
      const taught = teachers.map((_, index) =>
        meanOf(
          context.g,
          definition.build({
            ...scene,
            ...partsOf(context, index, teachers.length),
            teacher: context.teacher(teacherName(index, LOGITS)),
          }),
        ),
      );
      return meanOver(context.g, taught);
    },
  };
}

function onFeatures(definition: FeatureLoss, { name, recipe }: Asked, networks: Networks, tapped: () => TappedNetworks): Term {
  const { student, teachers } = tapped();
  const pairs = teachers.map((teacher) => resolvePairs(recipe.pairs, definition.pairs, student, teacher));
  const { classes, samples } = networks;
  return {
    teacher: Object.fromEntries(
      pairs.flatMap((ofTeacher, index) =>
        ofTeacher.map(({ teacher }) => [teacherName(index, teacher.name), sampleShape(teacher)] as const),
      ),
    ),
    build: (context) => {
      const scene = { ...sceneOf(definition, recipe, context), classes, samples };
      const taught = pairs.map((ofTeacher, index) => {
        const parts = partsOf(context, index, teachers.length);
        const fitted = ofTeacher.map((pair, place) =>
          fitPair(parts, `adapter${place}`, valuesOf(context, pair, index), definition.fit, name),
        );
        return definition.build({ ...scene, ...parts, pairs: fitted });
      });
      return meanOver(context.g, taught);
    },
  };
}

const sampleShape = ({ shape }: { readonly shape: readonly unknown[] }): number[] => shape.slice(1).map(Number);

function valuesOf(context: LossContext, { student, teacher }: TapPair, index: number): FeaturePair {
  return { student: context.student(student.name), teacher: context.teacher(teacherName(index, teacher.name)) };
}

/** What a loss may have of its own; with several teachers, once for each. */
function partsOf({ g, scalar, parameter, memory, module }: LossParts, teacher: number, teachers: number): LossParts {
  if (teachers === 1) return { g, scalar, parameter, memory, module };
  const own = (name: string) => `teacher${teacher}/${name}`;
  return {
    g,
    scalar,
    parameter: (name, initial) => parameter(own(name), initial),
    memory: (name, initial) => memory(own(name), initial),
    module: (name, inputs, body) => module(own(name), inputs, body),
  };
}

function sceneOf(definition: LossDefinition, recipe: Asked["recipe"], context: LossContext) {
  const numbers = Object.fromEntries(Object.keys(definition.numbers).map((key) => [key, context.scalar(key)]));
  const { labels, indices } = context;
  return { ...partsOf(context, 0, 1), labels, indices, numbers, options: recipe };
}

function meanOver(g: GraphBuilder, losses: readonly Value[]): Value {
  return losses.length === 1 ? (losses[0] as Value) : g.div(g.sum(...losses), losses.length);
}

/** Of the losses of single samples, their mean. */
function meanOf(g: GraphBuilder, loss: Value): Value {
  return loss.shape.length === 0 ? loss : g.reduceMean(loss);
}

interface TappedNetworks {
  readonly student: Tapped;
  readonly teachers: readonly Tapped[];
}

/** Looked into when the first loss asks, and once. */
function tappedOnce({ student, teachers }: Networks): () => TappedNetworks {
  let found: TappedNetworks | undefined;
  const nameOf = (index: number) => (teachers.length === 1 ? "teacher" : `teacher ${index + 1}`);
  return () => {
    found ??= {
      student: { taps: listTaps(student), role: "student" },
      teachers: teachers.map((teacher, index) => ({ taps: listTaps(teacher), role: nameOf(index) })),
    };
    return found;
  };
}
