import type { Texts } from "../data/texts.ts";
import { LimbeckError } from "../errors.ts";
import { formatShape, type Graph } from "../graph/graph.ts";
import { openBatch } from "../graph/rewrite/batch.ts";
import { canonicalize } from "../graph/rewrite/canonicalize.ts";
import { foldConstants } from "../graph/rewrite/fold.ts";
import { bindDimensions, inferShapes } from "../graph/rewrite/infer.ts";
import { pruneDead } from "../graph/rewrite/prune.ts";
import { widenFloats } from "../graph/rewrite/widen.ts";
import { BATCH } from "../nn/layers.ts";
import { INPUT_IDS, MASKED_LM, SEQUENCE } from "../nn/text.ts";
import { takesTokens } from "../train/classifier.ts";

/**
 * A model of texts as it can be used: in float32, for any batch, with its first output and that of guessed words alone, and with our names
 * for its open sizes.
 */
export function fitToTexts(network: Graph): Graph {
  if (!takesTokens(network)) return network;
  const wide = network.outputs[0]?.type === "float32" ? network : widenFloats(network);
  const kept = wide.outputs.filter(({ name }, index) => index === 0 || name === MASKED_LM);
  const single = wide.outputs.length > kept.length ? pruneDead({ ...wide, outputs: kept }) : wide;
  const open = typeof single.inputs[0]?.shape[0] === "number" ? openBatch(canonicalize(single)) : single;
  const isOpen = open.inputs.every(({ shape }) => shape.length === 2 && shape.every((size) => typeof size === "string"));
  const isNamed = open.inputs.every(({ shape }) => shape.join() === [BATCH, SEQUENCE].join());
  if (!isOpen || isNamed) return open;
  const outputs = open.outputs.map((output) => ({ ...output, shape: output.shape.map((size, axis) => (axis === 0 ? BATCH : size)) }));
  return { ...open, inputs: open.inputs.map((input) => ({ ...input, shape: [BATCH, SEQUENCE] })), outputs };
}

/** @throws LimbeckError when a model doesn't take texts, those of this tokenizer, or texts as long as these. */
export function checkTexts(network: Graph, { vocabulary, lengths }: Texts, source: string): void {
  if (!takesTokens(network)) {
    const taken = network.inputs.map(({ name, shape }) => `"${name}" ${formatShape(shape)}`).join(", ");
    throw new LimbeckError(`The model takes ${taken}, but the data are texts.`, {
      where: source,
      hint: "Use a model of texts: bert-tiny, bilstm and others of the zoo, or what `limbeck import` makes.",
    });
  }
  const rows = embeddingRows(network);
  if (rows !== undefined && rows < vocabulary) {
    throw new LimbeckError(`The model knows ${rows} tokens, but the tokenizer gives numbers up to ${vocabulary - 1}.`, {
      where: source,
      hint: "Use the tokenizer that the model was made with.",
    });
  }
  const longest = lengths.at(-1) as number;
  // What can't be told of short texts either need only run.
  if (hasShapes(network, longest) || !hasShapes(network, 1)) return;
  throw new LimbeckError(`The model doesn't take texts of ${longest} tokens.`, { where: source, hint: "Cut them: lower data.length." });
}

/** Whether shapes can be inferred for texts of so many tokens: not, for instance, of more than the network has positions for. */
function hasShapes(network: Graph, length: number): boolean {
  try {
    inferShapes(foldConstants(bindDimensions(canonicalize(network), { [SEQUENCE]: length }), { keepWeights: true }));
    return true;
  } catch (error) {
    if (error instanceof LimbeckError) return false;
    throw error;
  }
}

/** Rows of the table that the numbers of tokens are looked up in, where that can be told. */
function embeddingRows({ nodes, initializers }: Graph): number | undefined {
  const lookups = nodes.filter(({ op, inputs }) => op === "Gather" && inputs[1] === INPUT_IDS);
  return lookups.flatMap(({ inputs: [table = ""] }) => initializers.get(table)?.shape[0] ?? []).at(0);
}
