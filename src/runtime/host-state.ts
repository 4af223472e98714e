import type { Graph } from "../graph/graph.ts";
import { type Float32Tensor, float32 } from "../graph/tensor.ts";
import type { Session, StateBinding, StatefulSession } from "./runtime.ts";

/** A state in JavaScript's memory. It is read from one set of tensors and written to another, then they swap: nothing is allocated while it runs. */
export async function hostState(
  load: (graph: Graph) => Promise<Session>,
  graph: Graph,
  state: readonly StateBinding[],
): Promise<StatefulSession> {
  let [current, other] = [side(state), side(state)];
  const sessions: Session[] = [];
  const runner = async (one: Graph): Promise<StatefulSession["run"]> => {
    const session = await load(one);
    sessions.push(session);
    return async (feeds, into) => {
      await session.run({ ...feeds, ...current.feeds }, { into: { ...into, ...other.results }, fetch: [] });
      [current, other] = [other, current];
    };
  };
  return {
    run: await runner(graph),
    withGraph: runner,
    state: async () => current.tensors,
    release: async () => {
      await Promise.all(sessions.map((session) => session.release()));
    },
  };
}

/** One of the two sets of tensors, under the names by which the graph reads and writes them. */
function side(state: readonly StateBinding[]) {
  const tensors = new Map(
    state.map(({ input, initial }): [string, Float32Tensor] => [input, float32(initial.data.slice(), initial.shape)]),
  );
  const results = Object.fromEntries(state.map(({ input, output }) => [output, tensors.get(input) as Float32Tensor]));
  return { tensors, feeds: Object.fromEntries(tensors), results };
}
