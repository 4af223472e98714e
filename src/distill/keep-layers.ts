import { LimbeckError } from "../errors.ts";
import { type Graph, givenBy } from "../graph/graph.ts";
import { canonicalize } from "../graph/rewrite/canonicalize.ts";
import { pruneDead } from "../graph/rewrite/prune.ts";
import { renameValues } from "../graph/rewrite/rename.ts";
import { identity } from "../graph/rewrite/splice.ts";
import { listTaps } from "./taps.ts";

/** The layers of a transformer to keep: numbers from 0 in ascending order; every second; or so many, evenly, the first or the last. */
export type KeptLayers =
  | readonly number[]
  | "everySecond"
  | { readonly uniform: number }
  | { readonly first: number }
  | { readonly last: number };

/**
 * A transformer with some of its layers, all weights as they are: a student that begins as part of its teacher (DistilBERT: Sanh et al.,
 * 2019, arXiv:1910.01108; PKD: Sun et al., 2019, arXiv:1908.09355). What a layer that is left out would have made of its input is that
 * input. Weights and values that are called by numbers of layers are called by the new ones.
 *
 * `uniform: M` keeps the layers round(m·N/M) of N, counted from 1: those that "uniform" pairs learn from.
 *
 * @throws LimbeckError when the blocks of the network can't be told, or there are no such layers.
 */
export function keepLayers(model: Graph, layers: KeptLayers, source: string): Graph {
  const graph = canonicalize(model);
  const hidden = hiddenStates(graph, source);
  const count = hidden.length - 1;
  const kept = numbersOf(layers, count);
  checkKept(kept, count, source);
  const without = Array.from({ length: count }, (_, layer) => layer).filter((layer) => !kept.includes(layer));
  const stands = new Map<string, string>();
  for (const layer of without) {
    const input = hidden[layer] as string;
    stands.set(hidden[layer + 1] as string, stands.get(input) ?? input);
  }
  const left = graph.nodes
    .filter(({ outputs }) => !outputs.some((name) => stands.has(name)))
    .map((node) => ({ ...node, inputs: node.inputs.map((name) => stands.get(name) ?? name) }));
  const given = graph.outputs.flatMap(({ name }) => (stands.has(name) ? [identity(stands.get(name) as string, name)] : []));
  return renumbered(pruneDead({ ...graph, nodes: [...left, ...given] }), kept, count);
}

/** What enters the first block, and what each hands on. */
function hiddenStates(graph: Graph, source: string): readonly string[] {
  const taps = listTaps(graph);
  const named = (alias: string) => taps.find(({ aliases }) => aliases.includes(alias));
  const blocks = taps.flatMap(({ aliases }) => aliases.filter((alias) => /^block\d+$/.test(alias)));
  const found = ["embeddings", ...Array.from(blocks, (_, index) => `block${index + 1}`)].map(named);
  const first = found[0];
  if (blocks.length === 0 || found.some((tap) => tap?.shape.join() !== first?.shape.join() || tap === undefined)) {
    throw new LimbeckError("The layers of the network can't be told.", {
      where: source,
      hint: "Layers are kept of transformers whose blocks hand on what they take, in one shape; `limbeck inspect` lists them as block1, block2, ...",
    });
  }
  const [names, ops] = [found.map((tap) => tap?.name ?? ""), found.map((tap) => tap?.op)];
  // Where each block normalises what it takes, and not what it gives, the last normalisation belongs to no block.
  const isNormalised = ops.at(-1) === "LayerNormalization" && ops.length > 2 && ops[1] !== "LayerNormalization";
  if (!isNormalised) return names;
  const sum = graph.nodes.find(({ outputs }) => outputs.includes(names.at(-1) as string))?.inputs[0] as string;
  return [...names.slice(0, -1), sum];
}

function numbersOf(layers: KeptLayers, count: number): readonly number[] {
  if (layers === "everySecond") return Array.from({ length: Math.floor(count / 2) }, (_, place) => 2 * place + 1);
  if (!("length" in layers)) {
    const [[way, wanted] = []] = Object.entries(layers) as ["uniform" | "first" | "last", number][];
    const numbers = Array.from({ length: wanted ?? 0 }, (_, place) => place);
    if (way === "first") return numbers;
    return numbers.map((place) => (way === "last" ? count - (wanted ?? 0) + place : Math.round(((place + 1) * count) / (wanted ?? 1)) - 1));
  }
  return layers;
}

function checkKept(kept: readonly number[], count: number, source: string): void {
  const unknown = kept.find((layer) => layer < 0 || layer >= count);
  const why =
    kept.length === 0 || kept.length > count
      ? `it has ${count}, of which ${kept.length} are to be kept`
      : unknown !== undefined
        ? `there is no layer ${unknown}`
        : kept.some((layer, place) => place > 0 && layer <= (kept[place - 1] as number))
          ? "they must be in ascending order, each once"
          : undefined;
  if (why === undefined) return;
  throw new LimbeckError(`These layers of the network can't be kept: ${why}.`, {
    where: source,
    hint: `It has the layers 0 to ${count - 1}.`,
  });
}

/** `encoder.layer.3.output.dense.weight`, `layer3.query`, `blocks.3.norm1.weight`. */
const NUMBERED = /^((?:.*[./])?(?:layers?|blocks?|h)[._]?)(\d+)((?:[./].*)?)$/;

/** The graph with the numbers of kept layers in names made 0, 1, ...; as it is where its names say something else. */
function renumbered(graph: Graph, kept: readonly number[], count: number): Graph {
  const all = [...givenBy(graph), ...graph.nodes.map(({ name }) => name)];
  // Blocks of vision transformers are counted from 1 where hints ask for them, and from 0 in their weights' names.
  const rename = (name: string): string => {
    const [, before, number, after] = NUMBERED.exec(name) ?? [];
    if (number === undefined) return name;
    const offset = /(^|[./])block$/.test(before ?? "") ? 1 : 0;
    const place = kept.indexOf(Number(number) - offset);
    return place === -1 ? name : `${before}${place + offset}${after}`;
  };
  const isUnique = new Set(givenBy(graph).map(rename)).size === givenBy(graph).length;
  const isOfLayers = all.every((name) => Number(NUMBERED.exec(name)?.[2] ?? 0) <= count);
  if (!isUnique || !isOfLayers) return graph;
  const named = renameValues(graph, new Map(givenBy(graph).map((name) => [name, rename(name)])));
  return { ...named, nodes: named.nodes.map((node) => ({ ...node, name: rename(node.name) })) };
}
