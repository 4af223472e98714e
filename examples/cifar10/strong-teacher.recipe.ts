import { defineRecipe, oneCycle, sgd, zoo } from "limbeck";
import { common } from "./common.ts";

/** The study's teacher in its first cycle, of some 40 minutes on two cores. */
export default defineRecipe({
  ...common,
  name: "cifar10-strong-teacher",
  student: zoo.resnet9({ width: 0.5 }),
  optimizer: sgd({ learningRate: oneCycle(0.2), momentum: 0.9, nesterov: true, weightDecay: 5e-4 }),
  batchSize: 128,
  epochs: 12,
});
