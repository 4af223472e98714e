import { defineRecipe, zoo } from "limbeck";
import { common, trained } from "./common.ts";

/** 7.4 million parameters into 1.2 million, by knowledge review. */
export default defineRecipe({ ...common, preset: "review", teacher: trained("resnet32x4"), student: zoo.resnet8x4(), epochs: 2 });
