import { beforeAll, describe, expect, it } from "vitest";
import { readOnnx } from "../graph/onnx/read.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { mlp } from "../nn/zoo/mlp.ts";
import type { CheckpointStore } from "../train/checkpoint.ts";
import { base, distilling, inMemory, runOf, splits, type Told } from "./distill.fixture.ts";
import type { Outcome } from "./distill.ts";
import type { Environment, Phase } from "./environment.ts";
import { lineOf } from "./line.ts";
import { describeClassifier } from "./network.ts";
import { parseRecipe } from "./recipe/parse.ts";
import type { RecipeInput } from "./recipe/schema.ts";

let teacher: Uint8Array;
beforeAll(async () => {
  teacher = (await runOf({ ...base, student: { zoo: "mlp", hidden: [24] }, epochs: 10 })).student.bytes;
});
const withTeacher = (more: Partial<Environment> = {}): Told => inMemory({ "teacher.onnx": teacher }, more);

const assisted: RecipeInput = {
  ...distilling,
  assistants: [
    { zoo: "mlp", hidden: [16] },
    { zoo: "mlp", hidden: [12] },
  ],
  baseline: false,
};
const born: RecipeInput = { ...distilling, generations: { count: 3, ensemble: true }, baseline: false };
const same = (a: Uint8Array | undefined, b: Uint8Array | undefined) => Buffer.from(a ?? []).equals(Buffer.from(b ?? []));
const bytesOf = ({ student, relatives }: Outcome) =>
  [student, ...relatives.map(({ network }) => network)].map(({ bytes }) => Buffer.from(bytes));
const phasesOf = ({ epochs }: Told) => [...new Set(epochs.map(({ phase }) => phase))];

describe("assistants between teacher and student", () => {
  it("each learn from the one before", async () => {
    const told = withTeacher();
    const { student, relatives, teachers } = await runOf(assisted, told);
    expect(phasesOf(told)).toEqual(["assistant-1", "assistant-2", "student"]);
    expect(relatives.map(({ name }) => name)).toEqual(["assistant-1", "assistant-2"]);
    expect(teachers.map(({ bytes }) => same(bytes, teacher))).toEqual([true]);
    const [first, second] = relatives.map(({ network }) => network);
    const alone = await runOf({ ...distilling, student: { zoo: "mlp", hidden: [16] }, baseline: false }, withTeacher());
    expect(same(first?.bytes, alone.student.bytes)).toBe(true);
    // What two runs one after the other give.
    const next = (bytes: Uint8Array | undefined, hidden: number) =>
      runOf(
        { ...distilling, student: { zoo: "mlp", hidden: [hidden] }, baseline: false },
        inMemory({ "teacher.onnx": bytes as Uint8Array }),
      );
    expect(same(second?.bytes, (await next(first?.bytes, 12)).student.bytes)).toBe(true);
    expect(same(student.bytes, (await next(second?.bytes, 8)).student.bytes)).toBe(true);
  });

  it("need a teacher, something to learn, and pairs that they have", async () => {
    const mistakes: readonly [RecipeInput, string][] = [
      [{ ...assisted, teacher: undefined }, "the recipe names no teacher"],
      [{ ...assisted, losses: [{ crossEntropy: {} }] }, "None of the recipe's losses learns from the network before."],
      [{ ...assisted, losses: [{ attention: {} }] }, "has no stage that could be told"],
    ];
    for (const [recipe, message] of mistakes) {
      const told = withTeacher();
      await expect(runOf(recipe, told)).rejects.toThrow(message);
      expect(told.steps).toEqual([]);
    }
  });

  it("are told what does not fit between two of them before the first is trained", async () => {
    const pairs: [string, string][] = [["last", "stage1"]];
    const student = { zoo: "small-cnn" as const, channels: [4], depth: 1 };
    const told = withTeacher();
    // The teacher has a stage; the assistant, a perceptron, has none.
    const cnn = writeOnnx(
      describeClassifier((await runOf({ ...base, student, epochs: 1 })).student.graph, { mean: [0, 0], std: [1, 1] }, splits.train.classes),
    );
    const files = inMemory({ "teacher.onnx": cnn });
    const recipe: RecipeInput = {
      ...base,
      student,
      teacher: "teacher.onnx",
      losses: [{ attention: { pairs } }],
      assistants: [{ zoo: "mlp" }],
    };
    await expect(runOf(recipe, files)).rejects.toThrow('has no value named "stage1"');
    expect([...told.steps, ...files.steps]).toEqual([]);
  });
});

describe("generations of a student", () => {
  it("begin anew, each taught by the one before, and answer together", async () => {
    const told = withTeacher();
    const { student, relatives } = await runOf(born, told);
    expect(phasesOf(told)).toEqual(["generation-1", "generation-2", "student"]);
    expect(relatives.map(({ name }) => name)).toEqual(["generation-1", "generation-2", "ensemble"]);
    const [first, second, ensemble] = relatives.map(({ network }) => network);
    const one = await runOf({ ...distilling, seed: 2, baseline: false }, withTeacher());
    expect(same(first?.bytes, one.student.bytes)).toBe(true);
    const two = await runOf({ ...distilling, seed: 1, baseline: false }, inMemory({ "teacher.onnx": one.student.bytes }));
    expect(same(second?.bytes, two.student.bytes)).toBe(true);
    const three = await runOf({ ...distilling, baseline: false }, inMemory({ "teacher.onnx": two.student.bytes }));
    expect(same(student.bytes, three.student.bytes)).toBe(true);
    const logits = [one, two, three].map((outcome) => outcome.student.predictions.logits);
    ensemble?.predictions.logits.forEach((value, index) => {
      expect(value).toBeCloseTo(logits.reduce((sum, of) => sum + (of[index] as number), 0) / 3, 4);
    });
    expect(readOnnx(ensemble?.bytes as Uint8Array, "ensemble.onnx").metadata["limbeck.classes"]).toBe(JSON.stringify(splits.train.classes));
  });

  it("need no teacher: the first then learns from labels alone", async () => {
    const told = inMemory();
    const { relatives, teachers, baseline } = await runOf({ ...born, teacher: undefined, generations: 2, baseline: true }, told);
    expect(teachers).toEqual([]);
    expect(told.epochs.map(({ phase, names }) => `${phase}: ${names.join()}`)).toEqual([
      ...new Array(3).fill("generation-1: accuracy,crossEntropy,loss"),
      ...new Array(3).fill("student: accuracy,crossEntropy,kd,loss"),
      ...new Array(3).fill("baseline: accuracy,crossEntropy,loss"),
    ]);
    const [first] = relatives;
    expect(same(first?.network.bytes, (await runOf({ ...base, seed: 1 })).student.bytes)).toBe(true);
    expect(same(baseline?.bytes, (await runOf(base)).student.bytes)).toBe(true);
  });

  it("differ where the network says its seed, too; and go on after assistants", async () => {
    const recipe = parseRecipe({ ...assisted, generations: 2, student: { zoo: "mlp", hidden: [8], seed: 5 } });
    const line = await lineOf(recipe, splits.train, inMemory().environment.readFile);
    expect(line.map(({ phase, recipe: { seed } }) => [phase, seed])).toEqual([
      ["assistant-1", 0],
      ["assistant-2", 0],
      ["generation-1", 1],
      ["student", 0],
    ]);
    const weights = [6, 5].map((seed) => mlp({ inputShape: [2, 4, 4], hidden: [8], classes: 4, seed }).initializers);
    expect(line.slice(2).map(({ network }) => network.initializers)).toEqual(weights);
  });

  it("that are killed in any of them and resumed end with the same bytes", async () => {
    const whole = bytesOf(await runOf(born, withTeacher()));
    for (const [phase, step] of [
      ["generation-1", 2],
      ["generation-2", 4],
      ["student", 1],
    ] as const) {
      const kept = new Map<Phase, Uint8Array>();
      const checkpoints = (of: Phase): CheckpointStore => ({
        load: async () => kept.get(of),
        save: async (bytes) => void kept.set(of, bytes.slice()),
      });
      const onStep = (at: Phase, event: { readonly epoch: number; readonly step: number }) => {
        if (at === phase && event.epoch === 1 && event.step === step) throw new Error("pulled the plug");
      };
      await expect(runOf(born, withTeacher({ checkpoints, events: { onStep }, checkpointSeconds: 0 }))).rejects.toThrow("pulled the plug");
      const told = withTeacher({ checkpoints });
      expect(bytesOf(await runOf(born, told)), phase).toEqual(whole);
      expect(told.steps[0]).toBe(phase);
    }
  });
});

describe("the student's own average as its teacher", () => {
  const mean: RecipeInput = { ...base, teacher: { average: { decay: 0.9 } }, losses: [{ crossEntropy: {} }, { kd: { temperature: 2 } }] };
  const cnn = { zoo: "small-cnn" as const, channels: [4, 8], depth: 1 };

  it("teaches any loss, and is left beside the student", async () => {
    const told = inMemory();
    const recipe: RecipeInput = { ...mean, student: cnn, losses: [{ crossEntropy: {} }, { kd: {} }, { attention: { weight: 10 } }] };
    const { student, relatives, baseline, teachers } = await runOf({ ...recipe, epochs: 12 }, told);
    expect(told.epochs[0]?.names).toEqual(["accuracy", "attention", "crossEntropy", "kd", "loss"]);
    expect([teachers, relatives.map(({ name }) => name), baseline !== undefined]).toEqual([[], ["average"], true]);
    const average = relatives[0]?.network;
    expect(same(average?.bytes, student.bytes)).toBe(false);
    expect(average?.predictions.accuracy).toBeGreaterThan(0.7);
  });

  it("is what the recipe's average is, where both go alike", async () => {
    const { student, relatives } = await runOf({ ...mean, average: { decay: 0.9 } });
    expect(same(relatives[0]?.network.bytes, student.bytes)).toBe(true);
  });

  it("stands beside teachers from files", async () => {
    const told = withTeacher();
    const { teachers, relatives } = await runOf({ ...mean, teacher: ["teacher.onnx", { average: {} }], baseline: false }, told);
    expect([teachers.length, relatives.length]).toEqual([1, 1]);
  });

  it("goes on from stage to stage, and through a kill", async () => {
    const recipe: RecipeInput = { ...mean, student: cnn, stages: [{ epochs: 1 }, { epochs: 2 }], baseline: false };
    const whole = bytesOf(await runOf(recipe));
    const kept = new Map<string, Uint8Array>();
    const checkpoints = (phase: Phase, stage?: string): CheckpointStore => ({
      load: async () => kept.get(`${phase}-${stage}`),
      save: async (bytes) => void kept.set(`${phase}-${stage}`, bytes.slice()),
    });
    const onStep = (_: Phase, { epoch, step }: { readonly epoch: number; readonly step: number }) => {
      if (epoch === 2 && step === 3) throw new Error("pulled the plug");
    };
    await expect(runOf(recipe, inMemory({}, { checkpoints, events: { onStep }, checkpointSeconds: 0 }))).rejects.toThrow("pulled the plug");
    expect(bytesOf(await runOf(recipe, inMemory({}, { checkpoints })))).toEqual(whole);
  });

  it("has no random start to forget in a later stage", async () => {
    const kept: RecipeInput = { ...mean, student: cnn, teacher: { average: { decay: 1 } }, baseline: false };
    const average = async (recipe: RecipeInput) => (await runOf(recipe)).relatives[0]?.network.bytes;
    // With decay 1 nothing of the later stage enters it.
    expect(same(await average({ ...kept, stages: [{ epochs: 1 }, { epochs: 2 }] }), await average({ ...kept, epochs: 1 }))).toBe(true);
  });
});

describe("a student with its teacher's classifier", () => {
  const cnn = (channels: number[]) => ({ zoo: "small-cnn", channels, depth: 1 }) as const;
  const simkd: RecipeInput = { ...base, teacher: "cnn.onnx", student: cnn([4, 8]), preset: "simkd" };

  it("leaves that as it is, and is compared with the student as it was", async () => {
    const { student: taught } = await runOf({ ...base, student: cnn([6, 12]), epochs: 2 });
    const { student, baseline } = await runOf(simkd, inMemory({ "cnn.onnx": taught.bytes }));
    const weights = [...taught.graph.initializers].filter(([name]) => name.startsWith("classifier/"));
    expect(weights).toHaveLength(2);
    for (const [name, { data }] of weights) expect(student.graph.initializers.get(`teacher/${name}`)?.data).toEqual(data);
    const plain = await runOf({ ...base, student: cnn([4, 8]) });
    expect(same(baseline?.bytes, plain.student.bytes)).toBe(true);
  });

  it("has one teacher from a file", async () => {
    for (const more of [{ teacher: ["teacher.onnx", "teacher.onnx"] }, { assistants: [cnn([4, 8])] }, { teacher: { average: {} } }]) {
      await expect(runOf({ ...simkd, teacher: "teacher.onnx", ...more }, withTeacher())).rejects.toThrow(
        /exactly one teacher, which is a file/,
      );
    }
  });
});
