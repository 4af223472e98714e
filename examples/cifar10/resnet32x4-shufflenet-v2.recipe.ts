import { defineRecipe, zoo } from "limbeck";
import { common, published, trained } from "./common.ts";

/** Networks of two families: soft targets, which need nothing of the architecture. */
export default defineRecipe({
  ...common,
  preset: "hinton",
  teacher: trained("resnet32x4"),
  student: zoo.shufflenetV2x10({ stem: "cifar" }),
  optimizer: published(0.01),
  epochs: 1,
});
