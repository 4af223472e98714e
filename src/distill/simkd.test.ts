import { describe, expect, it } from "vitest";
import { graphBuilder } from "../graph/builder/builder.ts";
import type { Graph } from "../graph/graph.ts";
import { readOnnx } from "../graph/onnx/read.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { inferShapes } from "../graph/rewrite/infer.ts";
import { bitsOf, runGraph } from "../graph/run.fixture.ts";
import type { Float32Tensor, Tensor } from "../graph/tensor.ts";
import { hintLoss } from "../losses/hint.ts";
import { smallCnn } from "../nn/zoo/small-cnn.ts";
import { sgd } from "../train/optimizers.ts";
import { compileStep } from "../train/step.ts";
import { batchOf, runtime, sine, snapshot } from "../train/train.fixture.ts";
import { trainable } from "../train/trainable.ts";
import { createTrainer } from "../train/trainer.ts";
import { SIMKD_FEATURES, type SimKdOptions, withTeacherClassifier } from "./simkd.ts";
import { listTaps } from "./taps.ts";

const image = { inputShape: [2, 8, 8], classes: 4 };
const student = smallCnn({ ...image, channels: [4, 6], depth: 1, seed: 1 });
const teacher = smallCnn({ ...image, channels: [5, 7, 8], depth: 1, dropout: 0.5, seed: 2 });
/** Its classifier takes 2×2 places, no others. */
const flattening = smallCnn({ ...image, channels: [5, 7, 8], depth: 1, hidden: 9, seed: 2 });
const images = sine([3, 2, 8, 8], 1.5, 0.37, 0.2);

const withOutputs = (graph: Graph, ...names: string[]): Graph => {
  const values = inferShapes(graph);
  return { ...graph, outputs: [...graph.outputs, ...names.map((name) => values.get(name) as Graph["outputs"][number])] };
};
const rewritten = (options: Partial<SimKdOptions> = {}) => withTeacherClassifier(student, teacher, { seed: 3, ...options });

describe("a student with the teacher's classifier", () => {
  it("answers what the teacher's classifier makes of the projected features", async () => {
    const graph = rewritten();
    expect(graph.inputs).toEqual(student.inputs);
    expect(graph.outputs).toEqual([{ name: "logits", type: "float32", shape: ["N", 4] }]);
    const { logits, [SIMKD_FEATURES]: features } = await runGraph(withOutputs(graph, SIMKD_FEATURES), { input: images });
    // The student's 4×4 places are averaged to the teacher's 2×2.
    expect(features?.shape).toEqual([3, 8, 2, 2]);
    const [weight, bias] = ["classifier/weight", "classifier/bias"].map((name) => teacher.initializers.get(name)?.data) as [
      Float32Array,
      Float32Array,
    ];
    for (let sample = 0; sample < 3; sample++) {
      for (let label = 0; label < 4; label++) {
        let expected = bias[label] as number;
        for (let channel = 0; channel < 8; channel++) {
          const start = (sample * 8 + channel) * 4;
          const places = Array.from((features as Float32Tensor).data.slice(start, start + 4));
          expected += ((weight[label * 8 + channel] as number) * places.reduce((sum, value) => sum + value, 0)) / 4;
        }
        expect(logits?.data[sample * 4 + label]).toBeCloseTo(expected, 5);
      }
    }
  });

  it("is the teacher again if it projects nothing but the teacher's own features", async () => {
    const graph = rewritten();
    const features = (await runGraph(withOutputs(teacher, lastOf(teacher)), { input: images }))[lastOf(teacher)] as Tensor;
    const nodes = graph.nodes.filter(({ outputs }) => !outputs.includes(SIMKD_FEATURES));
    const head: Graph = { ...graph, nodes, inputs: [...graph.inputs, { name: SIMKD_FEATURES, type: "float32", shape: ["N", 8, 2, 2] }] };
    const { logits } = await runGraph(head, { input: images, [SIMKD_FEATURES]: features });
    expect(bitsOf(logits as Tensor)).toEqual(bitsOf((await runGraph(teacher, { input: images })).logits as Tensor));
  });

  it("has the projector of the authors' code, its taps, and nothing of the student's own classifier", () => {
    const graph = rewritten();
    const shapes = Object.fromEntries(Array.from(graph.initializers, ([name, { shape }]) => [name, shape.join("×")]));
    expect(shapes).toMatchObject({
      "simkd/reduce/conv/weight": "4×6×1×1",
      "simkd/mix/conv/weight": "4×4×3×3",
      "simkd/widen/conv/weight": "8×4×1×1",
      "simkd/widen/bn/scale": "8",
      "teacher/classifier/weight": "4×8",
      "teacher/classifier/bias": "4",
    });
    expect(Object.keys(shapes).filter((name) => name.startsWith("classifier"))).toEqual([]);
    expect(listTaps(graph).find(({ aliases }) => aliases.includes("last"))?.name).toBe(SIMKD_FEATURES);
    expect(rewritten({ seed: 4 }).initializers.get("simkd/mix/conv/weight")).not.toEqual(graph.initializers.get("simkd/mix/conv/weight"));
    expect(rewritten()).toEqual(graph);
  });

  it("is the same after it was written and read", async () => {
    const graph = rewritten();
    const again = readOnnx(writeOnnx(graph), "simkd.onnx");
    expect(writeOnnx(again)).toEqual(writeOnnx(graph));
    const [before, after] = [await runGraph(graph, { input: images }), await runGraph(again, { input: images })];
    expect(bitsOf(after.logits as Tensor)).toEqual(bitsOf(before.logits as Tensor));
  });

  it("is trained towards the teacher's features, with the teacher's weights as they were", async () => {
    const graph = rewritten();
    const { parameters } = trainable(graph, { frozen: ["teacher/*"] });
    expect([...parameters.keys()].filter((name) => name.startsWith("teacher/"))).toEqual([]);
    const step = compileStep({
      student: graph,
      batchSize: 3,
      frozen: ["teacher/*"],
      optimizer: sgd({ momentum: 0.9 }),
      losses: [
        {
          name: "hint",
          teacher: { last: [8, 2, 2] },
          build: (context) => hintLoss(context.g, context.student(SIMKD_FEATURES), context.teacher("last")),
        },
      ],
    });
    const trainer = await createTrainer(runtime, step);
    const last = (await runGraph(withOutputs(teacher, lastOf(teacher)), { input: images }))[lastOf(teacher)] as Float32Tensor;
    const errors: number[] = [];
    for (let taken = 0; taken < 60; taken++) {
      const batch = { ...batchOf(images, [0, 1, 2], "input"), "teacher:last": last };
      errors.push((await trainer.run(batch, { learningRate: 0.05, seed: taken, "weight:hint": 1 })).hint as number);
    }
    const weights = snapshot(await trainer.weights());
    await trainer.release();
    expect(errors.at(-1)).toBeLessThan(0.2 * (errors[0] as number));
    expect(Object.keys(weights)).toContain("simkd/widen/bn/mean");
  });

  it("keeps a map of another size where the classifier takes any, and else says so", () => {
    const deeper = smallCnn({ ...image, channels: [4, 5, 6], depth: 1, seed: 1 });
    const graph = withTeacherClassifier(deeper, teacher, { teacherTap: "stage2", seed: 0 });
    expect(inferShapes(graph).get(SIMKD_FEATURES)?.shape).toEqual(["N", 7, 2, 2]);
    const complaint = "The teacher's classifier takes maps of 4×4, but the student's are 2×2.";
    expect(() => withTeacherClassifier(deeper, flattening, { teacherTap: "stage2", seed: 0 })).toThrow(complaint);
    expect(withTeacherClassifier(deeper, flattening, { seed: 0 }).outputs).toEqual(student.outputs);
  });

  it("takes no place of one sample for another's", () => {
    const g = graphBuilder("by-numbers");
    const map = g.relu(g.input("input", "float32", ["N", 2, 8, 8]));
    g.output(g.matMul(g.reshape(map, ["N", 128]), g.initializer("weight", sine([128, 4], 1, 1, 0))), "logits");
    const options = { studentTap: lastOf(student), teacherTap: map.name, seed: 0 };
    expect(() => withTeacherClassifier(student, g.build(), options)).toThrow("takes maps of 8×8, but the student's are 4×4.");
  });

  it("refuses taps that are no feature maps, or that do not hold all that the logits are made of", () => {
    expect(() => rewritten({ studentTap: "nowhere" })).toThrow(`The student has no value named "nowhere".`);
    expect(() => rewritten({ teacherTap: "pooled" })).toThrow(`The teacher's "pooled" is [N, 8], no feature map [N, C, H, W].`);
    const g = graphBuilder("around");
    const x = g.input("input", "float32", ["N", 2, 8, 8]);
    const map = g.relu(x);
    g.output(g.flatten(g.globalAveragePool(g.add(map, x))), "logits");
    expect(() => withTeacherClassifier(student, g.build(), { teacherTap: map.name, seed: 0 })).toThrow(
      `The teacher's logits need more than its "${map.name}": "input" comes before it or leads around it.`,
    );
  });
});

function lastOf(graph: Graph): string {
  return listTaps(graph).find(({ aliases }) => aliases.includes("last"))?.name as string;
}
