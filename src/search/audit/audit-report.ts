import type { Recipe } from "../../distill/recipe/schema.ts";
import type { Machine } from "../../report/report.ts";
import type { Versions } from "../jobs.ts";
import type { AuditFigures } from "./figures.ts";
import type { Verdict } from "./verdict.ts";

/** The plain data of `audit.json`. */
export interface AuditReport {
  readonly limbeck: { readonly audit: 1 };
  readonly verdict: Verdict;
  readonly figures: AuditFigures;
  /** Path of the audited teacher. */
  readonly teacher: string;
  readonly data: string;
  readonly recipe: Recipe;
  readonly versions: Versions;
  readonly machine: Machine;
  readonly seconds: number;
}
