import { LimbeckError } from "../errors.ts";
import type { Graph, Shape, Value } from "../graph/graph.ts";
import type { FeatureLoss, FeaturePair, LogitLoss, LossDefinition, LossParts } from "../losses/loss.ts";
import { MASKED_SHARE } from "../losses/masked-language.ts";
import { type LossName, lossTable } from "../losses/table.ts";
import { meanOfLogits } from "../losses/teachers.ts";
import { type TemperatureRecipe, temperatureOf, temperatureSchedules } from "../losses/temperature.ts";
import { onlyLabels } from "../losses/truth.ts";
import { ATTENTION_MASK } from "../nn/text.ts";
import type { ScheduleRecipe } from "../options.ts";
import type { Schedule } from "../train/schedules.ts";
import type { LossContext, LossTerm } from "../train/step.ts";
import { fitPair } from "./adapters.ts";
import { checkCombine, combineLosses, isOfBatches, meanOf } from "./combine.ts";
import { type PairMap, type PairRecipe, resolvePairs, type TapPair, type Tapped } from "./pairs.ts";
import type { CombineRecipe, LossRecipe } from "./recipe/schema.ts";
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
  /** What several teachers come to; the mean of what each of them says unless given. */
  readonly combine?: CombineRecipe;
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
  readonly recipe: Readonly<Record<string, unknown>> & {
    readonly weight: ScheduleRecipe;
    readonly pairs?: readonly PairRecipe[] | PairMap;
  };
}

/** @throws LimbeckError when a loss finds in a network nothing to compare. */
export function objectiveOf(losses: readonly LossRecipe[], networks: Networks): Objective {
  const tapped = tappedOnce(networks);
  checkCombine(networks);
  const terms: LossTerm[] = [];
  const schedules: Record<string, Schedule> = {};
  for (const asked of losses.flatMap(askedFor)) {
    const { name, definition } = asked;
    const taken = terms.filter((term) => term.name === name || term.name.startsWith(`${name}-`)).length;
    const unique = taken === 0 ? name : `${name}-${taken + 1}`;
    Object.assign(schedules, schedulesOf(asked, unique));
    terms.push({ name: unique, ...termOf(definition, asked, networks, tapped) });
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
      ofTable("kd", { weight: alpha, temperature, standardize: false }),
    ];
  }
  const [[name, recipe] = []] = Object.entries(loss) as [LossName, unknown][];
  return [ofTable(name as LossName, recipe)];
}

/** Whether a loss needs a teacher. */
export function needsTeacher(loss: LossRecipe): boolean {
  return termsOf(loss).includes("soft");
}

/** The share of a text's words that losses want masked; none where none of them is of masked words. */
export function maskedShare(losses: readonly LossRecipe[]): number | undefined {
  for (const loss of losses) if ("maskedLanguage" in loss) return loss.maskedLanguage.probability;
  return losses.some((loss) => "wordKd" in loss && loss.wordKd.tokens === "masked") ? MASKED_SHARE : undefined;
}

/** What each term of a loss learns from: `hard` from labels alone, `soft` from a teacher. */
export function termsOf(loss: LossRecipe): readonly ("hard" | "soft")[] {
  return askedFor(loss).map(({ definition }) => (definition.needsTeacher === false ? "hard" : "soft"));
}

/** The outputs that objectives need of a teacher, by tensor (`logits` for the first output): the shape of one sample. */
export function outputsOf(objectives: readonly Objective[], teacher: number): Readonly<Record<string, Shape>> {
  const prefix = teacherName(teacher, "");
  const needed = objectives.flatMap(({ terms }) => terms.flatMap((term) => Object.entries(term.teacher ?? {})));
  return Object.fromEntries(needed.flatMap(([name, shape]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), shape]] : [])));
}

/** The name by which a step knows a tensor of a teacher. */
export const teacherName = (teacher: number, tensor: string): string => `${teacher}:${tensor}`;

type Term = Pick<LossTerm, "teacher" | "build">;

function termOf(definition: LossDefinition, asked: Asked, networks: Networks, tapped: () => TappedNetworks): Term {
  if (definition.of === "logits") return onLogits(definition, asked, networks);
  return (definition.needsTeacher === false ? onStudent : onFeatures)(definition, asked, networks, tapped);
}

function onLogits(definition: LogitLoss, { name, recipe }: Asked, { teachers, classes, samples, combine }: Networks): Term {
  if (classes === 0) {
    throw new LimbeckError(`The loss "${name}" is of classes, and the samples have no labels that say which there are.`, {
      hint: "Say which column holds labels (data.columns.label), or learn from features: cosine, rkdDistance, rkdAngle, hint: { pairs: [output] }.",
    });
  }
  const asksTeacher = definition.needsTeacher !== false;
  return {
    ...(asksTeacher && { teacher: Object.fromEntries(teachers.map((teacher, index) => [teacherName(index, LOGITS), answerOf(teacher)])) }),
    build: (context) => {
      const { g, logits: student } = context;
      const build = (teacher: Value, index: number, of: number) => {
        const parts = partsOf(context, index, of);
        const numbers = numbersOf(definition, recipe, parts, { student, teacher });
        return definition.build({ ...sceneOf(definition, recipe, context), ...parts, numbers, classes, samples, student, teacher });
      };
      if (!asksTeacher) return meanOf(g, build(student, 0, 1));
      const answers = teachers.map((_, index) => context.teacher(teacherName(index, LOGITS)));
      if (combine === "meanLogits") return meanOf(g, build(meanOfLogits(g, answers), 0, 1));
      const losses = answers.map((teacher, index) => build(teacher, index, answers.length));
      return combineLosses(context, losses, answers, combine);
    },
  };
}

function onFeatures(definition: FeatureLoss, { recipe }: Asked, networks: Networks, tapped: () => TappedNetworks): Term {
  const { student, teachers } = tapped();
  const { classes, samples, combine } = networks;
  const pairs = teachers.map((teacher) => resolvePairs(recipe.pairs, definition, student, teacher));
  return {
    teacher: Object.fromEntries(
      pairs.flatMap((ofTeacher, index) => [
        ...ofTeacher.map(({ teacher }) => [teacherName(index, teacher.name), sampleShape(teacher)] as const),
        [teacherName(index, LOGITS), answerOf(networks.teachers[index] as Graph)] as const,
      ]),
    ),
    build: (context) => {
      const { logits: studentLogits } = context;
      const mask = maskOf(networks.student, context);
      const answers = pairs.map((_, index) => context.teacher(teacherName(index, LOGITS)));
      const losses = pairs.map((ofTeacher, index) => {
        const parts = partsOf(context, index, teachers.length);
        const fitted = ofTeacher.map((pair, place) =>
          fitPair(parts, `adapter${place}`, valuesOf(context, pair, index), definition.fit, mask),
        );
        const teacherLogits = answers[index] as Value;
        const numbers = numbersOf(definition, recipe, parts, { student: studentLogits, teacher: teacherLogits });
        return definition.build({
          ...sceneOf(definition, recipe, context),
          ...parts,
          numbers,
          classes,
          samples,
          pairs: fitted,
          mask,
          studentLogits,
          teacherLogits,
        });
      });
      // Of features, which are compared over whole batches, no sample has a weight of its own.
      return combineLosses(context, losses, answers, isOfBatches(combine) ? combine : "mean");
    },
  };
}

/** Of a loss that looks at the student alone. */
function onStudent(definition: FeatureLoss, { recipe }: Asked, networks: Networks, tapped: () => TappedNetworks): Term {
  const { student } = tapped();
  const { classes, samples } = networks;
  const pairs = resolvePairs(recipe.pairs, definition, student, student);
  return {
    build: (context) => {
      const own = pairs.map(({ student: { name } }) => ({ student: context.student(name), teacher: context.student(name) }));
      const { logits } = context;
      const parts = partsOf(context, 0, 1);
      const numbers = numbersOf(definition, recipe, parts, { student: logits, teacher: logits });
      const mask = maskOf(networks.student, context);
      const fitted = own.map((pair, place) => fitPair(parts, `adapter${place}`, pair, definition.fit, mask));
      return definition.build({ ...sceneOf(definition, recipe, context), ...parts, numbers, classes, samples, pairs: fitted, mask });
    },
  };
}

/** [B, T], 1 for tokens and 0 for padding, where the student takes texts. */
function maskOf({ inputs }: Graph, context: LossContext): Value | undefined {
  return inputs.some(({ name }) => name === ATTENTION_MASK) ? context.student(ATTENTION_MASK) : undefined;
}

/** The shape of a network's first output for one sample. */
const answerOf = ({ outputs }: Graph): Shape => outputs[0]?.shape.slice(1) ?? [];

const sampleShape = ({ shape }: { readonly shape: Shape }): Shape => shape.slice(1);

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

/** The numbers of a loss as values of the step: scalars that schedules feed, or what else a temperature comes from. */
function numbersOf(
  { numbers }: LossDefinition,
  recipe: Asked["recipe"],
  parts: LossParts,
  { student, teacher }: FeaturePair,
): Readonly<Record<string, Value>> {
  const numberOf = (key: string) =>
    key === "temperature" ? temperatureOf(parts, student, teacher, recipe.temperature as TemperatureRecipe) : parts.scalar(key);
  return Object.fromEntries(Object.keys(numbers).map((key) => [key, numberOf(key)]));
}

/** The schedules of a loss's weight and numbers, by the step's scalars. */
function schedulesOf({ definition, recipe }: Asked, term: string): Readonly<Record<string, Schedule>> {
  const written = Object.keys(definition.numbers).flatMap((key) =>
    key === "temperature"
      ? Object.entries(temperatureSchedules(recipe.temperature as TemperatureRecipe))
      : [[key, recipe[key] as ScheduleRecipe] as const],
  );
  return Object.fromEntries([["weight", recipe.weight] as const, ...written].map(([key, value]) => [`${key}:${term}`, toSchedule(value)]));
}

function sceneOf({ name }: LossDefinition, recipe: Asked["recipe"], context: LossContext) {
  const { labels, partners, isPartial, indices, tokenLabels } = context;
  const truth = { labels, partners, isPartial };
  const who = `The loss "${name}"`;
  return {
    truth,
    labels: () => onlyLabels(truth, who),
    indices: partners ? () => refuseMixed(who) : indices,
    tokenLabels,
    options: recipe,
  };
}

function refuseMixed(who: string): never {
  throw new LimbeckError(`${who} remembers each sample by itself, but \`data.mix\` mixes two.`, { hint: "Leave data.mix out." });
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
