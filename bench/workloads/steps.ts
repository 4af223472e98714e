import type { Graph } from "../../src/graph/graph.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { crossEntropyLoss } from "../../src/losses/cross-entropy.ts";
import { profileGraph } from "../../src/measure/profile.ts";
import { BATCH } from "../../src/nn/layers.ts";
import { VOCABULARY } from "../../src/nn/text.ts";
import { bertClassifier } from "../../src/nn/zoo/bert.ts";
import { mlp } from "../../src/nn/zoo/mlp.ts";
import { mobilenetV2 } from "../../src/nn/zoo/mobilenet-v2.ts";
import { resnet } from "../../src/nn/zoo/resnet.ts";
import { channelBlockOf } from "../../src/runtime/channel-block.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { adamw, type Optimizer, sgd } from "../../src/train/optimizers.ts";
import { compileStep, LABELS, type LossTerm } from "../../src/train/step.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { flopsOf } from "./flops.ts";
import { CLASSES, IMAGE, labels, type MakeWork, TEXT_SIZES, texts, uniform, type Work } from "./work.ts";

const crossEntropy: LossTerm = { name: "crossEntropy", build: ({ g, logits, labels }) => crossEntropyLoss(g, logits, labels) };

/** What the networks for CIFAR are trained with. */
export const cifarOptimizer = (): Optimizer => sgd({ momentum: 0.9, weightDecay: 5e-4 });

interface Training {
  readonly network: Graph;
  readonly batchSize: number;
  readonly optimizer: Optimizer;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly classes: number;
  /** Of the network's symbolic dimensions other than the batch. */
  readonly sizes?: Readonly<Record<string, number>>;
}

/** One step of training on labels: the same batch each time. */
async function trainingStep(runtime: Runtime, { network, batchSize, optimizer, inputs, classes, sizes = {} }: Training): Promise<Work> {
  const channelBlock = await channelBlockOf(runtime);
  const step = compileStep({ student: network, batchSize, sizes, losses: [crossEntropy], optimizer, channelBlock });
  const trainer = await createTrainer(runtime, step);
  const batch = { ...inputs, [LABELS]: labels(batchSize, classes) };
  let taken = 0;
  return {
    run: () => trainer.run(batch, { learningRate: 1e-4, seed: taken, "weight:crossEntropy": 1, ...optimizer.scalars(++taken) }),
    flops: flopsOf(network, { [BATCH]: batchSize, ...sizes }).training,
    parameters: profileGraph(network, sizes).parameters,
  };
}

/** SGD on 784-1200-1200-10, batches of 128. */
export const mlpStep: MakeWork = (runtime) =>
  trainingStep(runtime, {
    network: mlp({ inputShape: [784], hidden: [1200, 1200], classes: 10, seed: 0 }),
    batchSize: 128,
    optimizer: sgd(),
    inputs: { input: uniform([128, 784]) },
    classes: 10,
  });

/** SGD with momentum and weight decay on an image classifier at CIFAR's shapes. */
export function imageStep(network: Graph, batchSize = 64): MakeWork {
  return (runtime) =>
    trainingStep(runtime, {
      network,
      batchSize,
      optimizer: cifarOptimizer(),
      inputs: { input: uniform([batchSize, ...IMAGE]) },
      classes: CLASSES,
    });
}

const cifar = { inputShape: IMAGE, classes: CLASSES, seed: 0 };

export const resnet20Step: MakeWork = (runtime) => imageStep(resnet("resnet20", cifar))(runtime);
export const resnet8x4Step: MakeWork = (runtime) => imageStep(resnet("resnet8x4", cifar))(runtime);
export const mobilenetStep: MakeWork = (runtime) => imageStep(mobilenetV2({ ...cifar, width: 0.5, stem: "cifar" }))(runtime);

/** AdamW on a BERT of 4 layers, 256 wide, without dropout, batches of 32 texts. */
export const bertStep: MakeWork = (runtime) =>
  trainingStep(runtime, {
    network: bertClassifier({ layers: 4, hidden: 256, heads: 4, intermediate: 1024 }, { classes: 2, dropout: 0, seed: 0 }),
    batchSize: 32,
    optimizer: adamw(),
    inputs: texts(32, VOCABULARY),
    classes: 2,
    sizes: TEXT_SIZES,
  });
