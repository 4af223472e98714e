import { defineRecipe, zoo } from "limbeck";
import { common, trained } from "./common.ts";

/** 0.86 million parameters into 0.28 million, by soft targets. */
export default defineRecipe({ ...common, preset: "hinton", teacher: trained("resnet56"), student: zoo.resnet20(), epochs: 8 });
