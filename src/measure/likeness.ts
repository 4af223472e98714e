import { listTaps } from "../distill/taps.ts";
import { intAttribute } from "../graph/attributes.ts";
import type { Graph } from "../graph/graph.ts";
import { canonicalize } from "../graph/rewrite/canonicalize.ts";
import type { Profile } from "./profile.ts";

/** What a network mostly computes with. */
export type NetworkKind = "attention" | "recurrence" | "depthwise convolutions" | "convolutions" | "fully connected layers";

/** How alike two networks are inside. */
export interface Likeness {
  readonly student: NetworkShape;
  readonly teacher: NetworkShape;
  /** Cosine of the numbers of nodes by operator: 1 for the same operators in the same proportions. */
  readonly operators: number;
  /** Stages (blocks, of transformers) of the student that the teacher has at the same resolution (number of tokens). */
  readonly shared: number;
}

export interface NetworkShape {
  readonly kind: NetworkKind;
  /** Of each stage's maps, [C, H, W], or of each block's tokens, [T, D]. */
  readonly stages: readonly (readonly number[])[];
}

/** A network with its profile. */
export interface Profiled {
  readonly graph: Graph;
  readonly profile: Profile;
}

export function likenessOf(student: Profiled, teacher: Profiled): Likeness {
  const [ofStudent, ofTeacher] = [shapeOf(student), shapeOf(teacher)];
  const left = ofTeacher.stages.map(placeOf);
  const shared = ofStudent.stages.filter((stage) => {
    const place = left.indexOf(placeOf(stage));
    if (place >= 0) left.splice(place, 1);
    return place >= 0;
  });
  return { student: ofStudent, teacher: ofTeacher, operators: cosine(student.profile, teacher.profile), shared: shared.length };
}

/** Whether features of the one can be compared with those of the other: of one kind, half of the stages at the same resolution. */
export function isSameFamily({ student, teacher, shared }: Likeness): boolean {
  const most = Math.max(student.stages.length, teacher.stages.length);
  return student.kind === teacher.kind && most > 0 && 2 * shared >= most;
}

/** Resolution of a map, number of tokens. */
const placeOf = (stage: readonly number[]): string => (stage.length === 3 ? stage.slice(1).join("×") : `${stage[0]} tokens`);

function shapeOf({ graph, profile }: Profiled): NetworkShape {
  const taps = listTaps(graph);
  const series = (name: string) =>
    taps
      .filter(({ aliases }) => aliases.some((alias) => new RegExp(`^${name}\\d+$`).test(alias)))
      .map(({ shape }) => shape.slice(1).map(Number));
  const blocks = series("block");
  return { kind: kindOf(canonicalize(graph), profile, blocks.length > 0), stages: blocks.length > 0 ? blocks : series("stage") };
}

function kindOf({ nodes, initializers }: Graph, { macs, operators }: Profile, hasBlocks: boolean): NetworkKind {
  if (hasBlocks) return "attention";
  if (nodes.some(({ op }) => ["LSTM", "GRU", "RNN"].includes(op))) return "recurrence";
  const convolved = operators.find(({ op }) => op === "Conv")?.macs ?? 0;
  if (2 * convolved < macs) return "fully connected layers";
  const isDepthwise = nodes.some(
    (node) => node.op === "Conv" && intAttribute(node, "group", 1) > 1 && initializers.get(node.inputs[1] ?? "")?.shape[1] === 1,
  );
  return isDepthwise ? "depthwise convolutions" : "convolutions";
}

function cosine(a: Profile, b: Profile): number {
  const counts = ({ operators }: Profile) => new Map(operators.map(({ op, count }) => [op, count]));
  const [ofA, ofB] = [counts(a), counts(b)];
  const norm = (of: ReadonlyMap<string, number>) => Math.sqrt([...of.values()].reduce((sum, count) => sum + count ** 2, 0));
  const product = [...ofA].reduce((sum, [op, count]) => sum + count * (ofB.get(op) ?? 0), 0);
  return product / (norm(ofA) * norm(ofB));
}
