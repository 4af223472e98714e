import type { Graph } from "../../src/graph/graph.ts";
import { writeOnnx } from "../../src/graph/onnx/write.ts";
import { float32, type Tensor } from "../../src/graph/tensor.ts";
import { profileGraph } from "../../src/measure/profile.ts";
import { BATCH } from "../../src/nn/layers.ts";
import { VOCABULARY } from "../../src/nn/text.ts";
import { bertClassifier } from "../../src/nn/zoo/bert.ts";
import { resnet } from "../../src/nn/zoo/resnet.ts";
import { wideResnet } from "../../src/nn/zoo/wide-resnet.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { flopsOf } from "./flops.ts";
import { CLASSES, IMAGE, type MakeWork, TEXT_SIZES, texts, uniform, type Work } from "./work.ts";

/** Samples in a batch. */
const COUNT = 64;

/** A frozen network that answers the same batch each time. */
async function answers(
  runtime: Runtime,
  network: Graph,
  classes: number,
  inputs: Readonly<Record<string, Tensor>>,
  sizes: Readonly<Record<string, number>> = {},
): Promise<Work> {
  const session = await runtime.createSession(writeOnnx(network));
  const into = { logits: float32(new Float32Array(COUNT * classes), [COUNT, classes]) };
  return {
    run: () => session.run(inputs, { into, fetch: [] }),
    flops: flopsOf(network, { [BATCH]: COUNT, ...sizes }).forward,
    parameters: profileGraph(network, sizes).parameters,
  };
}

const cifar = { inputShape: IMAGE, classes: CLASSES, seed: 0 };
const image = () => ({ input: uniform([COUNT, ...IMAGE]) });

export const resnet56Teacher: MakeWork = (runtime) => answers(runtime, resnet("resnet56", cifar), CLASSES, image());
export const wideResnetTeacher: MakeWork = (runtime) => answers(runtime, wideResnet("wrn-40-2", cifar), CLASSES, image());
export const bertTeacher: MakeWork = (runtime) =>
  answers(runtime, bertClassifier("bert-base", { classes: 2, seed: 0 }), 2, texts(COUNT, VOCABULARY), TEXT_SIZES);
