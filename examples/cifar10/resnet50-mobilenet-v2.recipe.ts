import { defineRecipe, zoo } from "limbeck";
import { common, published, trained } from "./common.ts";

/**
 * The article's ResNet-50 into MobileNetV2, both with a stem for small images. Such a teacher computes twenty times what resnet56 does: what is
 * short here sees a tenth of the images (`limbeck train examples/cifar10/teacher.recipe.ts --set data.limit=4500
 * --set 'student={zoo: resnet50, stem: cifar}' --out runs/cifar10-resnet50`).
 */
export default defineRecipe({
  ...common,
  data: { ...common.data, limit: 4500 },
  preset: "hinton",
  teacher: trained("resnet50"),
  student: zoo.mobilenetV2({ stem: "cifar" }),
  optimizer: published(0.01),
  epochs: 6,
});
