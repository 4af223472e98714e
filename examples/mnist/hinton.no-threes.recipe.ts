import { defineRecipe, mnist } from "limbeck";
import student from "./hinton.student.recipe.ts";

/** The same, with a transfer set that has no 3 in it: the student learns a digit that it never saw from the soft targets of the others. */
export default defineRecipe({ ...student, name: "hinton-no-threes", data: mnist({ exclude: [3] }), baseline: false });
