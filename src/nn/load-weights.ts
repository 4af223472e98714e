import { LimbeckError } from "../errors.ts";
import { formatShape, type Graph } from "../graph/graph.ts";
import { namePattern } from "../graph/name-pattern.ts";
import { type Float32Tensor, float32, type Tensor, widened } from "../graph/tensor.ts";
import { initializerRoles } from "../graph/weights.ts";
import { readSafetensors } from "./safetensors.ts";

export interface LoadOptions {
  /**
   * Patterns of names that may differ: such weights of the graph stay as they are, such tensors of the file are left out. `*` stands for
   * anything: `["classifier.*"]` for a head that tells other classes apart.
   */
  readonly ignore?: readonly string[];
  /** What to call the file in messages. */
  readonly source?: string;
}

/**
 * The graph with its weights and running statistics taken from a safetensors file, by name, as PyTorch's `state_dict` names them. Half and
 * double precision become float32, which the graph's weights must be (`canonicalize` sees to that). Where one side has a prefix that the
 * other lacks (`module.`, `model.`, `bert.`), it makes no difference.
 *
 * @throws LimbeckError that lists every weight that the file lacks, every tensor that the graph has no use for, and every shape that
 * differs.
 */
export function loadWeights(graph: Graph, bytes: Uint8Array, { ignore = [], source = "the safetensors file" }: LoadOptions = {}): Graph {
  const ignored = ignore.map(namePattern);
  const fit = fitTensors(graph, readSafetensors(bytes, source), { isIgnored: (name) => ignored.some((matches) => matches(name)), source });
  const problems = [
    ...fit.missing.map((name) => `missing ${name} ${formatShape((graph.initializers.get(name) as Tensor).shape)}`),
    ...fit.misfits,
    ...fit.unexpected.map(({ stored }) => `unexpected ${stored}`),
  ];
  if (problems.length > 0) {
    throw new LimbeckError(`The weights don't fit the network "${graph.name}": ${problems.join("; ")}.`, {
      where: source,
      hint: "Load them into the network that they were saved from, or name in ignore what may differ, such as a head.",
    });
  }
  return fit.graph;
}

/** How tensors by PyTorch's names suit a network. */
export interface Fit {
  /** With the tensors that suit it. */
  readonly graph: Graph;
  /** Names of weights that no tensor is for. */
  readonly missing: readonly string[];
  /** What is wrong with tensors of another shape or type than the weight of their name. */
  readonly misfits: readonly string[];
  /** Tensors that the network has no use for: as they are called, and as the network would call them. */
  readonly unexpected: readonly { readonly stored: string; readonly name: string }[];
}

/** @throws LimbeckError when a tensor for a weight holds no floating-point numbers. */
export function fitTensors(
  graph: Graph,
  tensors: ReadonlyMap<string, Tensor>,
  { isIgnored, source }: { readonly isIgnored: (name: string) => boolean; readonly source: string },
): Fit {
  const { parameters, buffers } = initializerRoles(graph);
  const wanted = new Set([...parameters, ...buffers]);
  const stored = new Map([...tensors].filter(([name]) => !isBookkeeping(name)));
  const names = namesInGraph([...stored.keys()], wanted);
  const found = new Map([...stored].map(([name, tensor]) => [names.get(name) as string, tensor]));
  const [missing, misfits]: [string[], string[]] = [[], []];
  const initializers = new Map(graph.initializers);
  for (const name of wanted) {
    if (isIgnored(name)) continue;
    const [old, tensor] = [graph.initializers.get(name) as Tensor, found.get(name)];
    if (!tensor) missing.push(name);
    else if (tensor.shape.join() !== old.shape.join())
      misfits.push(`${name} is ${formatShape(tensor.shape)}, not ${formatShape(old.shape)}`);
    else if (old.type !== "float32") misfits.push(`${name} is ${old.type} in the network`);
    else initializers.set(name, toFloat32(tensor, name, source));
  }
  const unexpected = Array.from(names, ([own, name]) => ({ stored: own, name })).filter(
    ({ stored: own, name }) => !wanted.has(name) && !isIgnored(own) && !isIgnored(name),
  );
  return { graph: { ...graph, initializers }, missing, misfits, unexpected };
}

/** What PyTorch saves beside weights and running statistics: no output depends on the one, and the other only counts. */
const isBookkeeping = (name: string): boolean => /(^|\.)(num_batches_tracked|position_ids)$/.test(name);

/**
 * What each name of the file is called in the graph. Of all ways to drop what most of the file's names begin with (one part or two) and to
 * put what most of the graph's begin with (one part) in its place, the one that makes most names agree, and none the same.
 */
function namesInGraph(names: readonly string[], wanted: ReadonlySet<string>): ReadonlyMap<string, string> {
  let best = new Map(names.map((name) => [name, name]));
  for (const dropped of prefixesOf(names, 2)) {
    for (const added of prefixesOf(wanted, 1)) {
      const rename = (name: string): string => {
        const rest = name.startsWith(dropped) ? name.slice(dropped.length) : name;
        return wanted.has(added + rest) ? added + rest : rest;
      };
      const candidate = new Map(names.map((name) => [name, rename(withoutOldEnding(name))]));
      const isBetter = agreeing(candidate, wanted) > agreeing(best, wanted);
      if (isBetter && new Set(candidate.values()).size === names.length) best = candidate;
    }
  }
  return best;
}

/** What at least half of the names begin with, in whole parts: from "" to `most` of them, the dot included. */
function prefixesOf(names: Iterable<string>, most: number): readonly string[] {
  const parts = Array.from(names, (name) => name.split("."));
  const counts = new Map<string, number>();
  for (let count = 1; count <= most; count++) {
    for (const all of parts) {
      const prefix = `${all.slice(0, count).join(".")}.`;
      if (all.length > count) counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
    }
  }
  return ["", ...Array.from(counts).flatMap(([prefix, count]) => (2 * count >= parts.length ? [prefix] : []))];
}

const agreeing = (names: ReadonlyMap<string, string>, wanted: ReadonlySet<string>): number =>
  [...names.values()].filter((name) => wanted.has(name)).length;

/** BERT's first files call weight and bias of a normalisation gamma and beta. */
const withoutOldEnding = (name: string): string => name.replace(/(LayerNorm\.)gamma$/, "$1weight").replace(/(LayerNorm\.)beta$/, "$1bias");

function toFloat32(tensor: Tensor, name: string, source: string): Float32Tensor {
  if (tensor.type === "float32") return tensor as Float32Tensor;
  if (tensor.type === "float16" || tensor.type === "bfloat16") return widened(tensor);
  if (tensor.type === "float64") return float32(tensor.data as Float64Array, tensor.shape);
  throw new LimbeckError(`The weight "${name}" is stored as ${tensor.type}, not as floating-point numbers.`, { where: source });
}
