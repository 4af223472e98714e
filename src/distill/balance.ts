import { LimbeckError } from "../errors.ts";
import type { Runtime, SessionOptions } from "../runtime/runtime.ts";
import { type Balancer, balancer } from "../train/balance/balancer.ts";
import { gradientNorms } from "../train/balance/gradient-norms.ts";
import { compileProducts, createGradientMeter, meterByLength } from "../train/balance/gradient-shares.ts";
import type { BalanceRule } from "../train/balance/rule.ts";
import { validationSearch } from "../train/balance/validation-search.ts";
import { type LossTerm, ofLength, type StepOptions } from "../train/step.ts";
import { termsOf } from "./objective.ts";
import type { BalanceRecipe, Recipe } from "./recipe/schema.ts";
import type { Stage } from "./stages.ts";

type Balancing = Pick<Recipe, "balance" | "shares">;

/** @throws LimbeckError when validation is to balance losses, and there are no samples for it or a stage has but one kind of losses. */
export function checkBalance({ balance }: Balancing, stages: readonly Stage[], validationSamples: number): void {
  if (balance === undefined || !("validation" in balance)) return;
  const where = "balance.validation";
  for (const { losses, name } of stages) {
    const terms = losses.flatMap(termsOf);
    if (terms.length === 1) continue;
    if (validationSamples === 0)
      throw new LimbeckError("There are no validation samples.", { where, hint: "Give data.validation a number." });
    if (terms.includes("hard") && terms.includes("soft")) continue;
    const [all, lacking] = terms.includes("hard") ? ["labels", "a teacher: kd, for example"] : ["a teacher", "labels: crossEntropy"];
    throw new LimbeckError(`All losses${name === undefined ? "" : ` of stage "${name}"`} learn from ${all}.`, {
      where,
      hint: `Add one that learns from ${lacking}; or balance by gradientNorm or uncertainty.`,
    });
  }
}

/** Whether the losses' own uncertainty weighs them. */
export function weighsByUncertainty({ balance }: Balancing, terms: readonly LossTerm[]): boolean {
  return terms.length > 1 && balance !== undefined && "uncertainty" in balance;
}

/** What weighs and watches the terms of a stage; nothing where there is but one. */
export async function openBalance(
  { balance, shares }: Balancing,
  step: StepOptions,
  runtime: Runtime,
  options: SessionOptions,
): Promise<{ readonly create: (memory?: unknown) => Balancer; release(): Promise<void> } | undefined> {
  const terms = step.losses.map(({ name }) => name);
  if (terms.length === 1 || (balance === undefined && !shares)) return undefined;
  const rule = balance && ruleOf(balance, step.losses);
  const measures = shares || rule?.every !== undefined;
  const open = (length?: number) => createGradientMeter(runtime, compileProducts(ofLength(step, length)), options);
  const meter = measures ? (step.sizes ? meterByLength(open) : await open()) : undefined;
  return {
    create: (memory) => balancer({ terms, meter, shares, rule }, memory),
    release: async () => meter?.release(),
  };
}

function ruleOf(balance: BalanceRecipe, losses: readonly LossTerm[]): BalanceRule<unknown> | undefined {
  if ("gradientNorm" in balance) return gradientNorms(balance.gradientNorm);
  if ("uncertainty" in balance) return undefined;
  const soft = losses.filter(({ teacher }) => teacher !== undefined).map(({ name }) => name);
  return validationSearch({ ...balance.validation, soft: new Set(soft) });
}
