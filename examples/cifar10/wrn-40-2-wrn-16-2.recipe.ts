import { defineRecipe, zoo } from "limbeck";
import { common, trained } from "./common.ts";

/** 2.2 million parameters into 0.7 million, by decoupled soft targets. */
export default defineRecipe({ ...common, preset: "dkd", teacher: trained("wrn-40-2"), student: zoo.wrn16x2(), epochs: 4 });
