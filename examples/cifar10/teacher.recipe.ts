import { defineRecipe, zoo } from "limbeck";
import { common } from "./common.ts";

/** A teacher of the pairs: `limbeck train examples/cifar10/teacher.recipe.ts --student wrn-40-2 --out runs/cifar10-wrn-40-2`. */
export default defineRecipe({ ...common, name: "cifar10-resnet56", student: zoo.resnet56(), epochs: 3 });
