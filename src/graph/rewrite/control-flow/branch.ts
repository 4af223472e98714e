import { bodyOf, type Fold, knownNumber } from "./walk.ts";

/** Of an If, the branch that is taken. */
export const takeBranch: Fold = (node, walk) => {
  if (node.op !== "If") return undefined;
  const condition = knownNumber(node.inputs[0], walk);
  if (condition === undefined) return undefined;
  const branch = node.attributes[condition ? "then_branch" : "else_branch"];
  if (branch?.kind !== "graph" || branch.value.outputs.length < node.outputs.length) return undefined;
  return walk.splice(bodyOf(branch.value), { prefix: node.name, inputs: new Map(), outputs: node.outputs });
};
