import { crossEntropy, defineRecipe, kd, zoo } from "limbeck";
import { common, published, trained } from "./common.ts";

/** The article's EfficientNet-B0 with three teachers, each sample weighing them by how sure they are of its label (CA-MKD). */
export default defineRecipe({
  ...common,
  teacher: [trained("resnet56"), trained("wrn-16-2"), trained("vgg8")],
  combine: "confidence",
  student: zoo.efficientnetB0({ stem: "cifar", width: 0.5 }),
  losses: [crossEntropy({ weight: 0.1 }), kd({ weight: 0.9, temperature: 4 })],
  optimizer: published(0.01),
  epochs: 3,
});
