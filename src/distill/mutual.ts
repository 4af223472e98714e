import type { Samples } from "../data/samples.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { mutualLoss } from "../losses/mutual.ts";
import type { LossContext } from "../train/step.ts";
import { withWeights } from "../train/trainable.ts";
import type { State } from "../train/trainer.ts";
import { mergeNetworks } from "./merge.ts";
import { toNetwork } from "./network.ts";
import { type Networks, type Objective, objectiveOf } from "./objective.ts";
import type { Recipe } from "./recipe/schema.ts";
import { toSchedule } from "./schedule.ts";
import { hardLosses } from "./stages.ts";

/** Put before the names of a peer's tensors and losses. */
const prefixOf = (peer: number): string => `peer${peer + 1}/`;

/** The networks that a recipe trains together with its student, each from weights of its own. */
export async function peersOf(
  { mutual, seed }: Recipe,
  samples: Samples,
  readFile: (path: string) => Promise<Uint8Array>,
): Promise<Graph[]> {
  const peers: Graph[] = [];
  for (const [index, peer] of (mutual?.peers ?? []).entries()) peers.push(await toNetwork(peer, samples, seed + 1 + index, readFile));
  return peers;
}

/** The student and its peers as one network, whose first output is the student's; the student alone without peers. */
export function withPeers(student: Graph, peers: readonly Graph[]): Graph {
  if (peers.length === 0) return student;
  return mergeNetworks([{ graph: student, prefix: "" }, ...peers.map((graph, peer) => ({ graph, prefix: prefixOf(peer) }))]);
}

/** A peer with the weights that `withPeers` had for it. */
export function peerWith(graph: Graph, peer: number, weights: State): Graph {
  const prefix = prefixOf(peer);
  return withWeights(
    graph,
    new Map([...weights].flatMap(([name, tensor]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : []))),
  );
}

/** With what the student learns from its peers, what these learn from the labels, and from the student and each other. */
export function withMutual(objective: Objective, recipe: Recipe, networks: Networks & { readonly peers: readonly Graph[] }): Objective {
  const { mutual } = recipe;
  const { peers } = networks;
  if (!mutual || peers.length === 0) return objective;
  const names = peers.map(({ outputs: [logits] }, peer) => `${prefixOf(peer)}${logits?.name}`);
  const mutualTerm = (prefix: string, learner: number): Objective => {
    const name = `${prefix}mutual`;
    const build = ({ g, logits, student, scalar }: LossContext) => {
      const all = [logits, ...names.map(student)];
      return mutualLoss(g, all[learner] as Value, all.toSpliced(learner, 1), scalar("temperature"));
    };
    const { weight, temperature } = mutual;
    return {
      terms: [{ name, build }],
      schedules: { [`weight:${name}`]: toSchedule(weight), [`temperature:${name}`]: toSchedule(temperature) },
    };
  };
  const parts = peers.flatMap((student, peer) => [
    ofPeer(objectiveOf(hardLosses(recipe), { ...networks, student, teachers: [] }), prefixOf(peer), names[peer] as string),
    mutualTerm(prefixOf(peer), peer + 1),
  ]);
  return together([objective, mutualTerm("", 0), ...parts]);
}

/** An objective of a network of its own, on a peer. */
function ofPeer({ terms, schedules }: Objective, prefix: string, logits: string): Objective {
  return {
    terms: terms.map(({ name, build }) => ({
      name: prefix + name,
      build: (context) => build({ ...context, logits: context.student(logits) }),
    })),
    schedules: Object.fromEntries(Object.entries(schedules).map(([name, schedule]) => [name.replace(":", `:${prefix}`), schedule])),
  };
}

const together = (objectives: readonly Objective[]): Objective => ({
  terms: objectives.flatMap(({ terms }) => terms),
  schedules: Object.assign({}, ...objectives.map(({ schedules }) => schedules)) as Objective["schedules"],
});
