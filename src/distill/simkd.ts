import { LimbeckError } from "../errors.ts";
import { type GraphBuilder, graphBuilder } from "../graph/builder/builder.ts";
import { inlineGraph } from "../graph/builder/inline.ts";
import { formatShape, type Graph, givenBy, takenBy, type Value } from "../graph/graph.ts";
import { canonicalize } from "../graph/rewrite/canonicalize.ts";
import { pruneDead } from "../graph/rewrite/prune.ts";
import { batchNorm, conv2d, convBnRelu, type Network } from "../nn/layers.ts";
import { randomFor } from "../random.ts";
import { listTaps } from "./taps.ts";

export interface SimKdOptions {
  /** The student's last feature map, by name or alias; `last` unless given. */
  readonly studentTap?: string;
  /** The teacher's last feature map, by name or alias; `last` unless given. */
  readonly teacherTap?: string;
  /** Of the projector's weights. */
  readonly seed: number;
}

/** What the teacher's classifier is given: the map that is to be trained to be the teacher's own. */
export const SIMKD_FEATURES = "simkd/features";

/** The weights of the teacher's classifier have their names after this. */
export const TEACHER_PREFIX = "teacher/";

/**
 * A student with the teacher's classifier: SimKD, Chen et al., 2022 (arXiv:2203.14001). The student's last feature map goes through a
 * projector (1×1 convolution to half of the teacher's channels, 3×3 convolution, 1×1 convolution to all of them, each with BN and ReLU) and
 * is, as `simkd/features`, what the rest of the teacher makes logits of.
 *
 * Trained with the mean squared difference between `simkd/features` and the teacher's own map (`hintLoss`) alone, and the teacher's weights
 * frozen: `frozen: ["teacher/*"]`. A map larger than the teacher's by whole numbers is averaged to its size before the projector, as in the
 * authors' code; any other size stays, and must be one that the classifier takes, as those do that begin with global pooling.
 *
 * @returns The student's inputs and the name of its output; its own classifier is gone.
 * @throws LimbeckError when a tap is no feature map, or the classifier takes more than that map, or not of this size.
 */
export function withTeacherClassifier(student: Graph, teacher: Graph, options: SimKdOptions): Graph {
  const [ours, theirs] = [canonicalize(student), canonicalize(teacher)];
  const studentMap = featureMap(ours, options.studentTap, "student");
  const teacherMap = featureMap(theirs, options.teacherTap, "teacher");
  const g = graphBuilder(student.name);
  Object.assign(g.metadata, ours.metadata);
  const bind = new Map(ours.inputs.map(({ name, type, shape }) => [name, g.input(name, type, shape)]));
  const body = pruneDead({ ...ours, outputs: [studentMap] });
  const map = inlineGraph(g, body, { bind }).get(studentMap.name) as Value;
  const network: Network = { g, random: randomFor(options.seed, 0x51d), tap: (_, x) => x };
  const features = projected(network, averagedTo(g, map, teacherMap), Number(teacherMap.shape[1]));
  g.output(classified(g, features, headAfter(theirs, teacherMap), teacherMap), ours.outputs[0]?.name);
  return pruneDead(g.build());
}

function featureMap(network: Graph, tap = "last", whose: string): Value {
  const taps = listTaps(network);
  const found = taps.find(({ aliases }) => aliases.includes(tap)) ?? taps.find(({ name }) => name === tap);
  if (found && found.shape.length === 4 && found.shape.slice(1).every((size) => typeof size === "number"))
    return { name: found.name, type: "float32", shape: found.shape };
  throw new LimbeckError(
    found
      ? `The ${whose}'s "${tap}" is ${formatShape(found.shape)}, no feature map [N, C, H, W].`
      : `The ${whose} has no value named "${tap}".`,
    {
      where: `graph "${network.name}"`,
      hint: "SimKD needs the last feature maps of two convolutional networks; `limbeck inspect` lists a network's.",
    },
  );
}

/** What the teacher does from a map on, as a graph of its own. */
function headAfter(teacher: Graph, map: Value): Graph {
  const nodes = teacher.nodes.filter(({ outputs }) => !outputs.includes(map.name));
  const head = pruneDead({ ...teacher, inputs: [map], outputs: teacher.outputs.slice(0, 1), nodes });
  const given = new Set(givenBy(head));
  const missing = [...head.nodes.flatMap(takenBy), ...head.outputs.map(({ name }) => name)].find((name) => !given.has(name));
  if (missing === undefined) return head;
  throw new LimbeckError(`The teacher's logits need more than its "${map.name}": "${missing}" comes before it or leads around it.`, {
    where: `graph "${teacher.name}"`,
    hint: "Take a later tap, through which everything passes.",
  });
}

/** Averages a map to the size of another that it is larger than by whole numbers. */
function averagedTo(g: GraphBuilder, map: Value, { shape }: Value): Value {
  const windows = [2, 3].map((axis) => Number(map.shape[axis]) / Number(shape[axis]));
  const isDivided = windows.every(Number.isInteger) && windows.some((window) => window > 1);
  return isDivided ? g.averagePool(map, windows, { stride: windows }) : map;
}

function projected(network: Network, map: Value, channels: number): Value {
  const { g } = network;
  const narrow = Math.max(1, Math.floor(channels / 2));
  return g.scope("simkd", () => {
    const reduced = g.scope("reduce", () => convBnRelu(network, map, narrow, 1));
    const mixed = g.scope("mix", () => convBnRelu(network, reduced, narrow, 3));
    const widened = g.scope("widen", () => {
      const y = g.scope("conv", () => conv2d(network, mixed, channels, 1));
      return g.scope("bn", () => batchNorm(network, y));
    });
    return g.emit("Relu", [widened], { outputNames: [SIMKD_FEATURES] })[0] as Value;
  });
}

function classified(g: GraphBuilder, features: Value, head: Graph, teacherMap: Value): Value {
  const output = head.outputs[0] as Value;
  let logits: Value | undefined;
  let cause: unknown;
  try {
    logits = inlineGraph(g, head, { bind: new Map([[teacherMap.name, features]]), prefix: TEACHER_PREFIX }).get(output.name);
  } catch (error) {
    if (!(error instanceof LimbeckError)) throw error;
    cause = error;
  }
  // A classifier that reshapes by numbers would take part of one sample for another's.
  if (logits?.shape[0] === features.shape[0] && logits?.shape[1] === output.shape[1]) return logits as Value;
  throw new LimbeckError(
    `The teacher's classifier takes maps of ${teacherMap.shape.slice(2).join("×")}, but the student's are ${features.shape.slice(2).join("×")}.`,
    {
      where: `graph "${head.name}"`,
      hint: "Take a student's tap of the teacher's size, or a teacher that begins its classifier with global pooling.",
      cause,
    },
  );
}
