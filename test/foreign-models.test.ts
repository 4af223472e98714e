import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readOnnx } from "../src/graph/onnx/read.ts";
import { initializerRoles } from "../src/graph/weights.ts";
import { limbeck, root, scratch, writeSmallMnist } from "./limbeck.ts";

const { path: place, remove } = scratch();
afterAll(remove);
beforeAll(() => {
  writeSmallMnist(join(place, "mnist"), { train: 1200, test: 300 });
  for (const name of ["torchscript", "dynamo", "half"])
    copyFileSync(join(root, `test/golden/foreign/${name}.onnx`), join(place, `${name}.onnx`));
});

const quick = ["--data", "mnist", "--quiet", "--json", "--set", "data.validation=200", "--set", "epochs=1", "--set", "baseline=false"];

describe("models as PyTorch exports them unless told otherwise", () => {
  it("teach and learn without a recipe", async () => {
    const { code, stdout, stderr } = await limbeck(
      ["distill", ...quick, "--teacher", "torchscript.onnx", "--student", "dynamo.onnx", "--out", "out"],
      { cwd: place },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({ teacher: { parameters: 1418 }, student: { parameters: 2498 } });
    const [given, trained] = ["dynamo.onnx", "out/student.onnx"].map((name) => readOnnx(readFileSync(join(place, name))));
    expect(trained?.inputs[0]?.shape).toEqual(["N", 1, 28, 28]);
    const names = initializerRoles(trained as NonNullable<typeof trained>).parameters;
    expect(names).toContain("attention.in_proj_bias");
    for (const name of names) expect(trained?.initializers.get(name)?.data, name).not.toEqual(given?.initializers.get(name)?.data);
  });

  it("get a new head for the data's classes, and float32 weights", async () => {
    const refused = await limbeck(["train", ...quick, "--student", "half.onnx", "--out", "refused"], { cwd: place });
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/tells 7 classes apart, but the data has 10.*\n.*half\.onnx\n.*newHead: true/),
    });
    const { code, stderr } = await limbeck(
      ["train", ...quick, "--student", "half.onnx", "--set", "student.newHead=true", "--out", "half"],
      {
        cwd: place,
      },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { outputs, initializers } = readOnnx(readFileSync(join(place, "half/student.onnx")));
    expect(outputs[0]?.shape).toEqual(["N", 10]);
    expect([...initializers.values()].map(({ type }) => type)).not.toContain("float16");
  });
});
