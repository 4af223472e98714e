import { string } from "../../graph/attributes.ts";
import type { GradientCase } from "../finite-differences.ts";
import { operator } from "./elementwise.cases.ts";

const einsum = (equation: string, ...shapes: readonly (readonly number[])[]): GradientCase =>
  operator("Einsum", shapes, { equation: string(equation) }, `${equation} of ${shapes.map((shape) => `[${shape}]`).join(" and ")}`);

export const einsumCases: readonly GradientCase[] = [
  einsum("ij,jk->ik", [2, 3], [3, 4]),
  einsum("bhid,bhjd->bhij", [2, 2, 3, 4], [2, 2, 5, 4]),
  einsum("nkctv,kvw->nctw", [2, 3, 2, 2, 4], [3, 4, 5]),
  einsum("ij->ji", [2, 3]),
  einsum("ij->j", [2, 3]),
  einsum("ij,kl->il", [2, 3], [4, 2]),
  einsum("i,j->ij", [2], [3]),
  einsum("ij,j,i->i", [2, 3], [3], [2]),
  einsum("ab,cb", [2, 3], [4, 3]),
  einsum("...ij,...jk->...ik", [2, 4, 2, 3], [2, 4, 3, 2]),
  einsum("i...,ij->j...", [2, 3, 2], [2, 4]),
  einsum("...i,...i->...", [2, 3, 4], [2, 3, 4]),
  einsum("...i,ij", [2, 3, 4], [4, 2]),
  einsum("ij,ij->ij", [2, 1], [2, 3]),
];
