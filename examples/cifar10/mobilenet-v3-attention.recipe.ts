import { attention, crossEntropy, defineRecipe, kd, zoo } from "limbeck";
import { common, published, trained } from "./common.ts";

/** The article's three parts: labels, soft targets, and where the feature maps of both networks are strong. */
export default defineRecipe({
  ...common,
  teacher: trained("resnet56"),
  student: zoo.mobilenetV3Small({ stem: "cifar" }),
  losses: [
    crossEntropy({ weight: 0.1 }),
    kd({ weight: 0.9, temperature: 4 }),
    // Maps of 16×16 and 8×8 in the teacher, and in the student where they are as large.
    attention({
      weight: 100,
      pairs: [
        ["stage1", "stage2"],
        ["stage2", "stage3"],
      ],
    }),
  ],
  optimizer: published(0.01),
  epochs: 8,
});
