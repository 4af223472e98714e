import { LimbeckError } from "../errors.ts";
import { formatShape, type Graph, type Value } from "../graph/graph.ts";
import { pruneDead } from "../graph/rewrite/prune.ts";
import { ATTENTION_MASK, INPUT_IDS, TOKEN_TYPE_IDS } from "../nn/text.ts";

/** What a classifier takes and gives. */
export interface ClassifierInterface {
  /** One of values, or those of tokens. */
  readonly inputs: readonly Value[];
  /** [batch, classes] */
  readonly logits: Value;
}

const TEXT_INPUTS: readonly string[] = [INPUT_IDS, ATTENTION_MASK, TOKEN_TYPE_IDS];

/** Whether a network takes tokens, rather than values. */
export const takesTokens = ({ inputs }: Graph): boolean => inputs.some(({ name }) => name === INPUT_IDS);

/** A network with its first output alone, without what serves others only. */
export const answersOnly = (graph: Graph): Graph =>
  graph.outputs.length > 1 ? pruneDead({ ...graph, outputs: graph.outputs.slice(0, 1) }) : graph;

/** The inputs and the output of a classifier of images, or of texts. @throws LimbeckError when it has another form. */
export function classifierInterface(graph: Graph, source = `graph "${graph.name}"`): ClassifierInterface {
  const { inputs, outputs } = graph;
  const [logits] = outputs;
  const hint = takesTokens(graph)
    ? `Give a model with inputs among ${TEXT_INPUTS.join(", ")}, int64 [batch, tokens], and an output of logits, [batch, classes].`
    : "Give a model with one input and an output of logits, [batch, classes].";
  const not = (why: string) => new LimbeckError(`Not a classifier: ${why}.`, { where: source, hint });
  if (!logits) throw not("it has no outputs");
  if (takesTokens(graph)) checkTokens(inputs, not);
  else checkValues(inputs, not, outputs.length);
  if (logits.type !== "float32") throw not(`it gives ${logits.type}, not float32`);
  if (logits.shape.length !== 2 || typeof logits.shape[1] !== "number")
    throw not(`its output "${logits.name}" is ${formatShape(logits.shape)}, not [batch, classes]`);
  return { inputs, logits };
}

type Complaint = (why: string) => LimbeckError;

function checkValues([input, ...others]: readonly Value[], not: Complaint, outputs: number): void {
  if (!input || others.length > 0) throw not(`it has ${others.length + Number(Boolean(input))} inputs, ${outputs} outputs`);
  if (input.type !== "float32") throw not(`it takes ${input.type}, not float32`);
  if (input.shape.slice(1).some((size) => typeof size === "string")) {
    throw not(`the size of a sample is left open, input "${input.name}" is ${formatShape(input.shape)}`);
  }
}

function checkTokens(inputs: readonly Value[], not: Complaint): void {
  const strange = inputs.find(({ name }) => !TEXT_INPUTS.includes(name));
  if (strange) throw not(`it has an input "${strange.name}", which tokenizers don't give`);
  const other = inputs.find(({ type, shape }) => type !== "int64" || shape.length !== 2 || typeof shape[1] !== "string");
  if (other) throw not(`its input "${other.name}" is ${other.type} ${formatShape(other.shape)}`);
}
