import { crossEntropy, defineRecipe, kd, loss, zoo } from "limbeck";
import { common, published, trained } from "./common.ts";

/** The article's ShuffleNetV2 with the teacher's middle features: an adapter of 1×1 convolutions is trained along, and dropped from student.onnx. */
export default defineRecipe({
  ...common,
  teacher: trained("resnet56"),
  student: zoo.shufflenetV2x05({ stem: "cifar" }),
  losses: [crossEntropy({ weight: 0.1 }), kd({ weight: 0.9, temperature: 4 }), loss.hint({ weight: 1, pairs: ["stage2"] })],
  optimizer: published(0.01),
  epochs: 6,
});
