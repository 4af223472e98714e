import type { ScheduleRecipe } from "../../options.ts";
import type { Recipe } from "../recipe/schema.ts";

/** Where a recipe's teachers come from, in their order. */
export interface TeacherSources {
  readonly files: readonly string[];
  /** The student's own moving average, after the files. */
  readonly average?: { readonly decay: ScheduleRecipe };
}

export function teacherSources({ teacher = [] }: Pick<Recipe, "teacher">): TeacherSources {
  const all = Array.isArray(teacher) ? teacher : [teacher];
  const own = all.find((one) => typeof one === "object");
  return { files: all.filter((one) => typeof one === "string"), ...(own && { average: own.average }) };
}
