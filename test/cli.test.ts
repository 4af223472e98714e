import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { graphBuilder } from "../src/graph/builder/builder.ts";
import { writeOnnx } from "../src/graph/onnx/write.ts";
import { mlp } from "../src/nn/zoo/mlp.ts";
import { pngDataUri } from "../src/report/png.ts";
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

const write = (name: string, content: Uint8Array | string) => writeFileSync(join(place, name), content);

beforeAll(() => {
  writeSmallMnist(join(place, "mnist"), { train: 1200, test: 300 });
  write("teacher.onnx", classifier());
  write("truncated.onnx", classifier().subarray(0, 20_000));
  write("seven.onnx", classifier({ classes: 7 }));
  write("large.onnx", classifier({ inputShape: [1, 32, 32] }));
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
});

describe("bad input ends with one message, exit code 2, and nothing written", () => {
  const distill = (...options: string[]) => ["distill", "recipe.yaml", ...options];
  const set = (...overrides: string[]) => distill(...overrides.flatMap((override) => ["--set", override]));
  const teacher = (file: string) => set(`teacher=${file}`);

  test.concurrent.each<[what: string, args: readonly string[], message: RegExp, where: RegExp | undefined, hint: RegExp | undefined]>([
    ["a truncated teacher", teacher("truncated.onnx"), /x/, /x/, /x/],
    ["a picture as a teacher", teacher("picture.onnx"), /x/, /x/, /x/],
    ["a directory as a teacher", teacher("mnist"), /x/, /x/, /x/],
    ["a missing teacher", teacher("nowhere.onnx"), /x/, /x/, /x/],
    ["a teacher of other classes", teacher("seven.onnx"), /x/, /x/, /x/],
    ["a teacher of larger images", teacher("large.onnx"), /x/, /x/, /x/],
    ["a teacher that does not classify", teacher("identity.onnx"), /x/, /x/, /x/],
    ["a student of other classes", set("student=seven.onnx"), /x/, /x/, /x/],
    ["an IDX file cut short", set("data.idx=cut"), /x/, /x/, /x/],
    ["a label out of range", set("data.idx=mislabelled"), /x/, /x/, /x/],
    ["no data", set("data.idx=nowhere"), /x/, /x/, /x/],
    ["a package that is not installed", set("data.idx=npm:not-installed/data"), /x/, /x/, /x/],
    ["fewer samples than a batch", set("data.limit=100"), /x/, /x/, /x/],
    ["normalisation for other channels", set("data.normalize={mean: [0, 0, 0], std: [1, 1, 1]}"), /x/, /x/, /x/],
    ["more validation than data", set("data.validation=5000"), /x/, /x/, /x/],
    ["an unknown key", set("epoch=3"), /x/, /x/, /x/],
    ["a negative temperature", set("losses[0].hinton.temperature=-4"), /x/, /x/, /x/],
    ["a YAML syntax error", ["distill", "syntax.yaml"], /x/, /x/, /x/],
    ["a missing recipe", ["distill", "nowhere.yaml"], /x/, /x/, /x/],
    ["a recipe that needs no teacher", set("losses=[crossEntropy: {}]"), /x/, /x/, /x/],
    ["training with a teacher", ["train", "recipe.yaml"], /x/, /x/, /x/],
    ["an output below a file", distill("--out", "file/run"), /x/, /x/, /x/],
    ["an output in use", distill("--out", "mnist"), /x/, /x/, /x/],
    ["evaluating what does not classify", ["evaluate", "identity.onnx", "--data", "mnist"], /x/, /x/, /x/],
    ["evaluating on nothing", ["evaluate", "teacher.onnx", "--data", "nowhere"], /x/, /x/, /x/],
    ["profiling a picture", ["profile", "picture.onnx"], /x/, /x/, /x/],
    ["resuming without a directory", distill("--resume"), /x/, /x/, /x/],
    ["device", set("device=cuda"), /x/, /x/, /x/],
    ["frozen", set("frozen=['*']"), /x/, /x/, /x/],
    ["frozen", set("frozen=[nosuch]"), /x/, /x/, /x/],
    ["shift", set("data.augment=[shift: 100]"), /x/, /x/, /x/],
    ["exclude", set("data.exclude=[0,1,2,3,4,5,6,7,8,9]"), /x/, /x/, /x/],
    ["exclude", set("data.exclude=[11]"), /x/, /x/, /x/],
    ["lenet on", set("student={zoo: small-cnn, channels: [4,4,4,4,4,4,4,4]}"), /x/, /x/, /x/],
  ])("%s", async (what, args, message, where, hint) => {
    const before = filesIn(place);
    const { code, stdout, stderr } = await limbeck(args, { cwd: place });
    console.log(what, code, stdout, "\n" + stderr);
    expect(filesIn(place)).toEqual(before);
  });
});
