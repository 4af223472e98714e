import { floatAttribute } from "../graph/attributes.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import { type InlineOptions, inlineGraph } from "../graph/builder/inline.ts";
import type { Graph, Value } from "../graph/graph.ts";
import type { Float32Tensor } from "../graph/tensor.ts";
import { BlockedNetwork } from "./blocked-network.ts";
import { OF_LOSS, type StepBuilder } from "./step.ts";
import type { State } from "./trainer.ts";

/** Name of an averaged weight in the state: it goes on from stage to stage, as what losses have of their own does. */
const averagedName = (weight: string): string => `${OF_LOSS}average-teacher/${weight}`;

/** How much of the average stays at each step: the scalar to feed. */
export const TEACHER_DECAY = "teacherDecay";

/** The averaged weights in a state, by the names that they have in the network. */
export function averagesIn(state: State): State {
  const prefix = averagedName("");
  return new Map([...state].flatMap(([name, tensor]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), tensor] as const] : [])));
}

/**
 * The moving average of the student as its teacher: Mean Teacher, Tarvainen and Valpola, 2017 (arXiv:1703.01780). It answers as in
 * inference, by running averages (of which it has the average too) and without dropout; no gradient flows into it.
 *
 * @param student What is trained, as it is emitted already. @param known Its inputs and initialisers in the builder.
 * @param weights What changes, as it begins. @param outputs The names of the student's tensors, by those that the teacher's have.
 * @returns The teacher's answers by the averages before the step, and what makes these follow the weights after it.
 */
export function averageTeacher(
  { g, scalar, remember, replace }: StepBuilder,
  student: Graph,
  known: ReadonlyMap<string, Value>,
  weights: ReadonlyMap<string, Float32Tensor>,
  outputs: Readonly<Record<string, string>>,
  channelBlock: number | undefined,
): { readonly answers: ReadonlyMap<string, Value>; readonly follow: (updated: ReadonlyMap<string, Value>) => void } {
  const averages = new Map([...weights].map(([name, initial]) => [name, remember(averagedName(name), initial)]));
  const taken = [...student.inputs.map(({ name }) => name), ...student.initializers.keys()];
  const bind = new Map(taken.map((name) => [name, averages.get(name) ?? (known.get(name) as Value)]));
  const values = inlineGraph(g, student, { bind, prefix: averagedName(""), replace: channelBlock ? inBlocks(g, channelBlock) : undefined });
  return {
    answers: new Map(Object.entries(outputs).map(([name, tensor]) => [name, values.get(tensor) as Value])),
    follow: (updated) => {
      for (const [name, average] of averages) {
        const value = updated.get(name);
        replace(averagedName(name), value ? movingAverage(g, average, value, scalar(TEACHER_DECAY)) : average);
      }
    },
  };
}

/** The convolutional part in the layout of the runtime's kernels, as in training. */
function inBlocks(g: GraphBuilder, channelBlock: number): InlineOptions["replace"] {
  const blocked = new BlockedNetwork(g, channelBlock);
  return (node, inputs) => {
    const [x, ...others] = inputs as readonly Value[];
    const value = g.scope(averagedName("blocked"), () =>
      node.op === "BatchNormalization"
        ? blocked.normalizeBy(x as Value, others as [Value, Value, Value, Value], floatAttribute(node, "epsilon", 1e-5))
        : blocked.replace(node, inputs),
    );
    return value && [value];
  };
}

/** decay·average + (1 − decay)·value (Polyak and Juditsky, 1992). */
export function movingAverage(g: GraphBuilder, average: Value, value: Value, decay: Value): Value {
  return g.add(g.mul(average, decay), g.mul(value, g.sub(1, decay)));
}
