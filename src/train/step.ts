import { backpropagate } from "../autodiff/gradient.ts";
import { sizesOf } from "../autodiff/rule.ts";
import { LimbeckError } from "../errors.ts";
import { type GraphBuilder, graphBuilder } from "../graph/builder/builder.ts";
import type { Graph, Shape, Value } from "../graph/graph.ts";
import { unrollRecurrent } from "../graph/rewrite/decompose/recurrent/unroll.ts";
import { foldConstants } from "../graph/rewrite/fold.ts";
import { forSpeed } from "../graph/rewrite/for-speed.ts";
import { bindDimensions } from "../graph/rewrite/infer.ts";
import { pruneDead } from "../graph/rewrite/prune.ts";
import { substitute } from "../graph/shapes/symbolic.ts";
import { type Float32Tensor, zeros } from "../graph/tensor.ts";
import type { LossParts } from "../losses/loss.ts";
import { knownOf, sharesOf, type Truth } from "../losses/truth.ts";
import { INPUT_IDS, SEQUENCE } from "../nn/text.ts";
import { averageTeacher, movingAverage } from "./average-teacher.ts";
import { weighedByUncertainty } from "./balance/uncertainty.ts";
import { lossParts } from "./loss-parts.ts";
import type { Optimizer } from "./optimizers.ts";
import { inlineForTraining, trainable } from "./trainable.ts";

/** What a loss term sees. Its parameters, memories and scalars have names of their own, but for those of `step`. */
export interface LossContext extends LossParts, Truth {
  /** [B], int32: the places of the batch's samples in the training set. */
  readonly indices: () => Value;
  /** [B, T], int32: the word that was at each token that is masked, and −1 elsewhere. @throws LimbeckError where samples are no texts. */
  readonly tokenLabels: () => Value;
  /** The student's first output; [B, classes] of a classifier. */
  readonly logits: Value;
  /** A value inside the student, by name. */
  student(name: string): Value;
  /** An output of a teacher, by name. */
  teacher(name: string): Value;
}

/** One term of the objective. Its weight is the scalar `weight:NAME`; a scalar of its own is `SCALAR:NAME`. */
export interface LossTerm {
  readonly name: string;
  /** The teachers' outputs that it needs, with the shape of one sample; sizes that are open are those of the student's inputs. */
  readonly teacher?: Readonly<Record<string, Shape>>;
  build(context: LossContext): Value;
}

export interface StepOptions {
  /** An inference graph. Its first output goes to the losses as `logits`. */
  readonly student: Graph;
  /** Of the symbolic dimension that the student's inputs begin with. */
  readonly batchSize: number;
  /** Whether each sample of a batch is mixed of two, so that it has two labels. */
  readonly mixes?: boolean;
  /** Whether samples of a batch may have no label: −1. */
  readonly isPartial?: boolean;
  /** Set where the student's first output is no scores of classes, so that there is nothing to count. */
  readonly classifies?: false;
  /** Of its other symbolic dimensions. */
  readonly sizes?: Readonly<Record<string, number>>;
  readonly losses: readonly LossTerm[];
  readonly optimizer: Optimizer;
  /** Patterns of weight names that are not trained. */
  readonly frozen?: readonly string[];
  /** Patterns of the only weight names that are; all unless given. */
  readonly trained?: readonly string[];
  /** Scales all gradients so that their common norm is at most this. */
  readonly clipNorm?: number;
  /** Learns how much each term counts, beside its weight (`weighedByUncertainty`). */
  readonly uncertainty?: boolean;
  /** Of the initial weights of what losses add; 0 unless given. */
  readonly seed?: number;
  /** Keeps an exponential moving average of the weights, with decay fed as the scalar `averageDecay`. */
  readonly average?: boolean;
  /**
   * The student's moving average as a teacher (`averageTeacher`), with decay fed as the scalar `teacherDecay`: the student's tensors that
   * losses see, by the names of the teacher's outputs.
   */
  readonly averageTeacher?: Readonly<Record<string, string>>;
  /** `Runtime.channelBlock` of the runtime that the step is for: its convolutions then take the layout of that runtime's kernels. */
  readonly channelBlock?: number;
}

/** What compiles the same step for texts of so many tokens. */
export const ofLength = (options: StepOptions, length: number | undefined): StepOptions =>
  length === undefined ? options : { ...options, sizes: { ...options.sizes, [SEQUENCE]: length } };

/** A tensor that lives from step to step. The step reads it as input `name` and writes output `next:name`. */
export interface StateTensor {
  readonly name: string;
  readonly initial: Float32Tensor;
}

/** A whole training step as one graph: forward, losses, backward, optimiser. */
export interface CompiledStep {
  readonly graph: Graph;
  readonly batchSize: number;
  /** Of the student's other open dimensions. */
  readonly sizes: Readonly<Record<string, number>>;
  readonly state: readonly StateTensor[];
  /** Names of weights whose newest value is in the state: parameters and buffers. */
  readonly weights: readonly string[];
  readonly average: boolean;
  readonly optimizer: Optimizer;
  /** Names of the scalars to feed, beyond `learningRate` and `seed`. */
  readonly scalars: readonly string[];
  readonly batch: {
    readonly inputs: readonly string[];
    readonly labels: string;
    /** Where samples are mixed. */
    readonly partners?: { readonly labels: string; readonly share: string };
    /** Where a loss asks for it. */
    readonly indices?: string;
    /** Where a loss asks for it: the words that are masked. */
    readonly tokenLabels?: string;
    readonly teacher: readonly string[];
  };
  /**
   * Names of the entries of the output `metrics`: each loss term, `loss` (their weighted sum), of a classifier `correct` (count; of mixed
   * samples the share), of samples that may lack labels `labelled` (count), and with clipping `gradientNorm`.
   */
  readonly metrics: readonly string[];
}

/** Put before the names of what the step adds to the student's own tensors. */
const STEP = "step:";
export const LABELS = `${STEP}labels`;
const PARTNERS = { labels: `${STEP}partnerLabels`, share: `${STEP}share` };
const INDICES = `${STEP}indices`;
const TOKEN_LABELS = `${STEP}tokenLabels`;
export const METRICS = `${STEP}metrics`;
/** Name of the input that takes a scalar. */
export const scalarInput = (scalar: string): string => STEP + scalar;
const AVERAGE = "average:";

/** Name of the moving average of a weight in the state. */
export const averageOf = (weight: string): string => AVERAGE + weight;

/** Put before the names of what a loss has of its own in the state. */
export const OF_LOSS = "loss:";
export const isOfLoss = (state: string): boolean => state.startsWith(OF_LOSS);

/** What the parts of a step emit into. */
export interface StepBuilder {
  readonly g: GraphBuilder;
  /** A scalar that is fed at each step. */
  readonly scalar: (name: string) => Value;
  /** A tensor that lives from step to step, as the step begins. */
  readonly remember: (name: string, initial: Float32Tensor) => Value;
  /** The same tensor, as the step leaves it. */
  readonly replace: (name: string, value: Value) => void;
}

/** @throws LimbeckError when the student can't be differentiated or does not fit the losses. */
export function compileStep(options: StepOptions): CompiledStep {
  const { batchSize, optimizer } = options;
  const { builder, state, scalars, weights, buffers, logits, truth, total, terms, trained, added, average, ...objective } =
    emitObjective(options);
  const { g, scalar, replace } = builder;
  const all = [...trained, ...added];
  const learningRate = scalar("learningRate");
  const isScaled = optimizer.isPlain && options.clipNorm === undefined;
  const { gradients, norm } = clip(g, backpropagate(g, total, all, isScaled ? learningRate : undefined), options.clipNorm);
  const rate = isScaled ? undefined : learningRate;
  const changed = new Map([...buffers, ...g.scope("optimizer", () => update(builder, optimizer, rate, all, gradients))]);
  for (const [name, value] of changed) replace(name, value);
  const updated = new Map([...changed].filter(([name]) => weights.has(name)));
  if (options.average) averageWeights(builder, updated, weights);
  average?.follow(updated);

  const metrics = {
    ...terms,
    loss: total,
    ...(logits.shape.length === 2 && options.classifies !== false && counts(g, logits, truth)),
    ...(norm && { gradientNorm: norm }),
  };
  const entries = Object.values(metrics).map((value) => g.reshape(value, [1]));
  g.output(g.concat(entries, 0), METRICS);
  const { inputs, indices, tokenLabels, teacher } = objective;
  return {
    graph: forSpeed(pruneDead(g.build())),
    batchSize,
    sizes: options.sizes ?? {},
    state,
    weights: [...updated.keys()],
    average: options.average ?? false,
    optimizer,
    scalars: [...scalars.keys()],
    batch: {
      inputs,
      labels: LABELS,
      ...(truth.partners && { partners: PARTNERS }),
      ...(indices && { indices: INDICES }),
      ...(tokenLabels && { tokenLabels: TOKEN_LABELS }),
      teacher,
    },
    metrics: Object.keys(metrics),
  };
}

/** The student's forward pass and the losses: what a step begins with, and what measures its gradients. */
export function emitObjective(options: StepOptions) {
  const { builder, state, scalars } = stepBuilder();
  const { g, scalar, remember } = builder;
  const { graph, parameters, buffers } = trainable(options.student, options);
  const student = withSizes(graph, options);
  const bind = new Map(student.inputs.map(({ name, type, shape }): [string, Value] => [name, g.input(name, type, shape)]));
  const truth = truthOf(g, options);
  const weights = new Map([...parameters, ...buffers]);
  for (const [name, tensor] of weights) bind.set(name, remember(name, tensor));

  const forward = inlineForTraining(g, student, bind, scalar("seed"), options);
  const logits = required(forward.values, student.outputs[0]?.name ?? "");
  const average =
    options.averageTeacher && averageTeacher(builder, student, forward.values, weights, options.averageTeacher, options.channelBlock);
  const losses = buildLosses(options, builder, {
    ...truth,
    logits,
    student: (name) => required(forward.values, name),
    tokens: bind.get(INPUT_IDS)?.shape,
    answers: average?.answers ?? new Map(),
  });
  const trained = [...parameters.keys()].map((name) => required(bind, name));
  const inputs = student.inputs.map(({ name }) => name);
  return { builder, state, scalars, inputs, truth, logits, weights, buffers: forward.buffers, trained, average, ...losses };
}

/** The student for batches of one size, with the arithmetic on shapes done and recurrent layers, which have no gradient rule, unrolled. */
function withSizes(student: Graph, { batchSize, sizes }: StepOptions): Graph {
  const batch = student.inputs[0]?.shape[0];
  const bound = { ...sizes, ...(typeof batch === "string" && { [batch]: batchSize }) };
  return unrollRecurrent(foldConstants(bindDimensions(student, bound), { keepWeights: true }));
}

function truthOf(g: GraphBuilder, { batchSize, mixes, isPartial }: StepOptions): Truth {
  const labels = g.input(LABELS, "int32", [batchSize]);
  if (!mixes) return { labels, isPartial };
  const partners = { labels: g.input(PARTNERS.labels, "int32", [batchSize]), share: g.input(PARTNERS.share, "float32", [batchSize]) };
  return { labels, partners, isPartial };
}

/** How many samples are classified rightly, and where that is not plain, of how many. */
function counts(g: GraphBuilder, logits: Value, truth: Truth): Readonly<Record<string, Value>> {
  const found = g.cast(g.argMax(logits, { axis: 1 }), "int32");
  const right = sharesOf(g, truth).map(({ labels, share }) => {
    const isRight = g.cast(g.equal(found, labels), "float32");
    return share ? g.mul(isRight, share) : isRight;
  });
  const { isPartial } = truth;
  return { correct: g.reduceSum(g.sum(...right)), ...(isPartial && { labelled: knownOf(g, { ...truth, isPartial }) }) };
}

function stepBuilder() {
  const g = graphBuilder("training-step");
  const scalars = new Map<string, Value>();
  const state: StateTensor[] = [];
  const builder: StepBuilder = {
    g,
    scalar: (name) => {
      const value = scalars.get(name) ?? g.input(scalarInput(name), "float32", []);
      scalars.set(name, value);
      return value;
    },
    remember: (name, initial) => {
      state.push({ name, initial });
      return g.input(name, "float32", initial.shape);
    },
    replace: (name, value) => g.output(value, `next:${name}`),
  };
  return { builder, state, scalars };
}

interface LearntFrom {
  /** Of a teacher inside of the step, by the names of its outputs. */
  readonly answers: ReadonlyMap<string, Value>;
  /** The shape of a batch of texts, [B, T]. */
  readonly tokens: Shape | undefined;
}

function buildLosses(
  { losses, batchSize, sizes = {}, ...options }: StepOptions,
  step: StepBuilder,
  { answers, tokens, ...context }: Truth & Pick<LossContext, "logits" | "student"> & LearntFrom,
) {
  const { g, scalar } = step;
  if (losses.length === 0) throw new LimbeckError("There is no loss to train with.", { hint: "Give the recipe at least one loss." });
  const inputs = new Map<string, Value>();
  const known = new Map(Object.entries(sizes));
  const bound = (shape: Shape) => shape.map((size) => substitute(size, known));
  for (const [name, shape] of losses.flatMap((term) => Object.entries(term.teacher ?? {}))) {
    if (!answers.has(name) && !inputs.has(name)) inputs.set(name, g.input(`teacher:${name}`, "float32", [batchSize, ...bound(shape)]));
  }
  let indices: Value | undefined;
  let tokenLabels: Value | undefined;
  const shared = {
    ...context,
    teacher: (name: string) => answers.get(name) ?? required(inputs, name),
    indices: () => {
      indices ??= g.input(INDICES, "int32", [batchSize]);
      return indices;
    },
    tokenLabels: () => {
      if (!tokens) throw new LimbeckError(`A loss is of masked words, but the student has no input "${INPUT_IDS}".`);
      tokenLabels ??= g.input(TOKEN_LABELS, "int32", tokens);
      return tokenLabels;
    },
  };
  const added: Value[] = [];
  const terms: Record<string, Value> = {};
  const weighted: Value[] = [];
  for (const { name, build } of losses) {
    const parts = lossParts(step, name, added, options);
    const term = g.scope(`loss:${name}`, () => build({ ...shared, ...parts }));
    terms[name] = term;
    const weight = scalar(`weight:${name}`);
    weighted.push(options.uncertainty ? weighedByUncertainty(parts, term, weight) : g.mul(term, weight));
  }
  return { terms, weighted, total: g.sum(...weighted), teacher: [...inputs.keys()], indices, tokenLabels, added };
}

function required(values: ReadonlyMap<string, Value>, name: string): Value {
  const value = values.get(name);
  if (!value) throw new LimbeckError(`There is no tensor named "${name}".`);
  return value;
}

/** Pascanu et al., 2012 (arXiv:1211.5063): one factor for all gradients. */
function clip(g: GraphBuilder, gradients: readonly Value[], maximum: number | undefined): { gradients: readonly Value[]; norm?: Value } {
  if (maximum === undefined) return { gradients };
  const norm = g.sqrt(g.sum(...gradients.map((gradient) => g.reduceSumSquare(gradient))));
  const factor = g.min(g.div(maximum, g.add(norm, 1e-6)), 1);
  return { gradients: gradients.map((gradient) => g.mul(gradient, factor)), norm };
}

/**
 * The optimiser's turn for each parameter. Vectors, of which a network has many and small ones, take it together.
 *
 * @returns The new parameters, by name.
 */
function update(
  step: StepBuilder,
  optimizer: Optimizer,
  learningRate: Value | undefined,
  parameters: readonly Value[],
  gradients: readonly Value[],
): readonly (readonly [string, Value])[] {
  const { g, scalar, remember, replace } = step;
  const turns = parameters.map((parameter, index) => {
    const slots = optimizer.slots.map((slot) =>
      remember(`${slot}:${parameter.name}`, zeros("float32", sizesOf(parameter)) as Float32Tensor),
    );
    return { parameter, gradient: gradients[index] as Value, slots };
  });
  const isVector = ({ parameter }: (typeof turns)[number]) => parameter.shape.length === 1;
  const take = (taken: readonly (typeof turns)[number][], decays: boolean): (readonly [string, Value])[] => {
    if (taken.length === 0) return [];
    const lengths = taken.map(({ parameter }) => sizesOf(parameter)[0] as number);
    const together = (values: readonly Value[]) => g.concat(values, 0);
    const apart = (value: Value) => (taken.length === 1 ? [value] : g.split(value, lengths, 0));
    const result = optimizer.update(g, {
      parameter: together(taken.map(({ parameter }) => parameter)),
      gradient: together(taken.map(({ gradient }) => gradient)),
      slots: Object.fromEntries(optimizer.slots.map((slot, index) => [slot, together(taken.map(({ slots }) => slots[index] as Value))])),
      learningRate,
      decays,
      scalar,
    });
    for (const slot of optimizer.slots) {
      const values = apart(result.slots[slot] as Value);
      taken.forEach(({ parameter }, index) => replace(`${slot}:${parameter.name}`, values[index] as Value));
    }
    const values = apart(result.parameter);
    return taken.map(({ parameter }, index) => [parameter.name, values[index] as Value] as const);
  };
  return [...turns.filter((turn) => !isVector(turn)).flatMap((turn) => take([turn], true)), ...take(turns.filter(isVector), false)];
}

function averageWeights(
  { g, scalar, remember, replace }: StepBuilder,
  updated: ReadonlyMap<string, Value>,
  initial: ReadonlyMap<string, Float32Tensor>,
) {
  const decay = scalar("averageDecay");
  for (const [name, value] of updated) {
    const average = remember(averageOf(name), initial.get(name) as Float32Tensor);
    replace(averageOf(name), movingAverage(g, average, value, decay));
  }
}
