import { VALUES } from "../data/inputs.ts";
import { type GraphBuilder, graphBuilder } from "../graph/builder/builder.ts";
import { inlineGraph } from "../graph/builder/inline.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { canonicalize } from "../graph/rewrite/canonicalize.ts";
import { takesTokens } from "../train/classifier.ts";

/** A network, and what is put before its names among others. */
export interface Member {
  readonly graph: Graph;
  readonly prefix: string;
}

/**
 * Networks side by side in one graph, on the same inputs: values under the name that the first has for them, tokens under their own.
 *
 * @returns The first output of each, under its prefixed name.
 */
export function mergeNetworks(members: readonly Member[]): Graph {
  const g = graphBuilder(members[0]?.graph.name ?? "");
  sideBySide(g, members).forEach((output, index) => {
    const { prefix, graph } = members[index] as Member;
    g.output(output, prefix + graph.outputs[0]?.name);
  });
  return g.build();
}

/** What networks that tell the same classes apart say together: the mean of their logits. */
export function meanOfNetworks(networks: readonly Graph[]): Graph {
  const g = graphBuilder(`${networks.length}×${networks[0]?.name}`);
  const logits = sideBySide(
    g,
    networks.map((graph, index) => ({ graph, prefix: `member${index + 1}/` })),
  );
  g.output(g.div(g.sum(...logits), logits.length), "logits");
  return g.build();
}

function sideBySide(g: GraphBuilder, members: readonly Member[]): Value[] {
  const inputs = new Map<string, Value>();
  const inputFor = ({ name, type, shape }: Value, isToken: boolean): Value => {
    const what = isToken ? name : VALUES;
    const input = inputs.get(what) ?? g.input(name, type, shape);
    inputs.set(what, input);
    return input;
  };
  return members.map(({ graph, prefix }) => {
    const bind = new Map(graph.inputs.map((input) => [input.name, inputFor(input, takesTokens(graph))]));
    return inlineGraph(g, canonicalize(graph), { bind, prefix }).get(graph.outputs[0]?.name ?? "") as Value;
  });
}
