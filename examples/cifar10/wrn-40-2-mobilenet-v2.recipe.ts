import { defineRecipe, zoo } from "limbeck";
import { common, published, trained } from "./common.ts";

/** A WideResNet teaches the MobileNetV2 of the literature on CIFAR, which is half as wide. */
export default defineRecipe({
  ...common,
  preset: "dkd",
  teacher: trained("wrn-40-2"),
  student: zoo.mobilenetV2Half(),
  optimizer: published(0.01),
  epochs: 6,
});
