import { expect, test } from "vitest";
import { LimbeckError } from "../errors.ts";
import { applyOverrides } from "./overrides.ts";

const recipe = { data: { idx: "d" }, losses: [{ kd: { temperature: 4 } }], epochs: 2 };

test.each<[override: string, changed: unknown]>([
  ["epochs=3", { ...recipe, epochs: 3 }],
  ["epochs=1e2", { ...recipe, epochs: 100 }],
  ["name=first try", { ...recipe, name: "first try" }],
  ["name=a=b", { ...recipe, name: "a=b" }],
  ["baseline=false", { ...recipe, baseline: false }],
  ["losses[0].kd.temperature=8", { ...recipe, losses: [{ kd: { temperature: 8 } }] }],
  ["losses.0.kd.temperature=8", { ...recipe, losses: [{ kd: { temperature: 8 } }] }],
  ["losses[0]={hinton: {alpha: 0.5}}", { ...recipe, losses: [{ hinton: { alpha: 0.5 } }] }],
  ["losses[1].crossEntropy.weight=0.5", { ...recipe, losses: [...recipe.losses, { crossEntropy: { weight: 0.5 } }] }],
  ["data.augment=[{shift: 2}]", { ...recipe, data: { idx: "d", augment: [{ shift: 2 }] } }],
  ["data.idx=null", { ...recipe, data: {} }],
  ["data.augment[0].shift=2", { ...recipe, data: { idx: "d", augment: [{ shift: 2 }] } }],
  ["average.decay=0.99", { ...recipe, average: { decay: 0.99 } }],
])("%s", (override, changed) => {
  const before = structuredClone(recipe);
  expect(applyOverrides(recipe, [override])).toEqual(changed);
  expect(recipe).toEqual(before);
});

test("later ones come after earlier ones", () => {
  expect(applyOverrides({}, ["a.b=1", "a.c=2", "a.b=3"])).toEqual({ a: { b: 3, c: 2 } });
});

test.each<[override: string, message: RegExp, hint: RegExp]>([
  ["epochs", /has the form key=value/, /--set epochs=3/],
  ["=3", /has the form key=value/, /./],
  ["a..b=1", /has the form key=value/, /./],
  ["losses[-1].kd.weight=1", /has the form key=value/, /./],
  ["losses[0=1", /has the form key=value/, /./],
  ["losses[5].kd.weight=1", /^"5" cannot be set: losses is a list of 1\.$/, /next free place is losses\[1\]/],
  ["losses.kd.weight=1", /^"kd" cannot be set: losses is a list of 1\.$/, /losses\[1\]/],
  ["epochs.x=1", /^"x" cannot be set: epochs is 2, which has no keys\.$/, /--set 'epochs=\{\.\.\.\}'/],
  ["losses[0].kd.temperature.steps.0=1", /temperature is 4, which has no keys/, /./],
  ["epochs=[1", /^The value cannot be parsed: .*must end with a \] at line 1/, /Values are YAML/],
  ["epochs=!!js/function 'x'", /^The value cannot be parsed: Unresolved tag/, /Values are YAML/],
  ["__proto__.polluted=1", /No recipe has a key "__proto__"/, /./],
  ["data.__proto__.polluted=1", /No recipe has a key "__proto__"/, /./],
  ["data.constructor.prototype.polluted=1", /No recipe has a key "constructor"/, /./],
])("not %s", (override, message, hint) => {
  const error = thrownBy(() => applyOverrides(recipe, ["seed=1", override]));
  expect(error).toBeInstanceOf(LimbeckError);
  expect(error.message).toMatch(message);
  expect(error.where).toBe(`--set ${override}`);
  expect(error.hint ?? "none").toMatch(hint);
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});

function thrownBy(action: () => unknown): LimbeckError {
  try {
    action();
  } catch (error) {
    return error as LimbeckError;
  }
  throw new Error("Nothing was thrown.");
}
