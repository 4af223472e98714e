import { crossEntropyLoss } from "../losses/cross-entropy.ts";
import { kdLoss } from "../losses/kd.ts";
import { constant, type Schedule } from "../train/schedules.ts";
import type { LossTerm } from "../train/step.ts";
import type { LossRecipe } from "./recipe/schema.ts";
import { toSchedule } from "./schedule.ts";

/** Name under which losses see the teacher's logits. */
export const TEACHER_LOGITS = "logits";

/** What a recipe's losses come to: terms for the step, and the schedules of their weights and temperatures. */
export interface Objective {
  readonly terms: readonly LossTerm[];
  readonly schedules: Readonly<Record<string, Schedule>>;
}

interface WeightedTerm {
  readonly term: LossTerm;
  readonly schedules: Readonly<Record<string, Schedule>>;
}

/** @param classes Of teacher and student. */
export function objectiveOf(losses: readonly LossRecipe[], classes: number): Objective {
  const weighted: WeightedTerm[] = [];
  for (const loss of losses) {
    for (const make of makersOf(loss, classes)) {
      const base = make.name;
      const taken = weighted.filter(({ term }) => term.name === base || term.name.startsWith(`${base}-`)).length;
      weighted.push(make.as(taken === 0 ? base : `${base}-${taken + 1}`));
    }
  }
  return {
    terms: weighted.map(({ term }) => term),
    schedules: Object.assign({}, ...weighted.map(({ schedules }) => schedules)) as Objective["schedules"],
  };
}

/** Whether a loss needs a teacher. */
export function needsTeacher(loss: LossRecipe): boolean {
  return !("crossEntropy" in loss);
}

/** The teacher's outputs that an objective needs: the shape of one sample by the name of the step's input. */
export function teacherOutputs({ terms }: Objective): Readonly<Record<string, readonly number[]>> {
  return Object.fromEntries(
    terms.flatMap(({ teacher = {} }) => Object.entries(teacher).map(([name, shape]) => [`teacher:${name}`, shape] as const)),
  );
}

/** The same training without the teacher: hard labels alone, smoothed where the recipe smooths them. */
export function withoutTeacher(losses: readonly LossRecipe[]): readonly LossRecipe[] {
  const hard = losses.find((loss) => "crossEntropy" in loss);
  return [{ crossEntropy: { labelSmoothing: hard?.crossEntropy.labelSmoothing ?? 0, weight: 1 } }];
}

interface Maker {
  readonly name: string;
  as(name: string): WeightedTerm;
}

function makersOf(loss: LossRecipe, classes: number): readonly Maker[] {
  if ("crossEntropy" in loss) return [hardLabels(toSchedule(loss.crossEntropy.weight), loss.crossEntropy.labelSmoothing)];
  if ("kd" in loss) return [softTargets(toSchedule(loss.kd.weight), toSchedule(loss.kd.temperature), classes)];
  const { alpha, temperature } = loss.hinton;
  return [hardLabels(constant(1 - alpha), 0), softTargets(constant(alpha), toSchedule(temperature), classes)];
}

function hardLabels(weight: Schedule, labelSmoothing: number): Maker {
  return {
    name: "crossEntropy",
    as: (name) => ({
      term: { name, build: ({ g, logits, labels }) => crossEntropyLoss(g, logits, labels, labelSmoothing) },
      schedules: { [`weight:${name}`]: weight },
    }),
  };
}

function softTargets(weight: Schedule, temperature: Schedule, classes: number): Maker {
  return {
    name: "kd",
    as: (name) => ({
      term: {
        name,
        teacher: { [TEACHER_LOGITS]: [classes] },
        build: ({ g, logits, teacher, scalar }) => kdLoss(g, logits, teacher(TEACHER_LOGITS), scalar(`temperature:${name}`)),
      },
      schedules: { [`weight:${name}`]: weight, [`temperature:${name}`]: temperature },
    }),
  };
}
