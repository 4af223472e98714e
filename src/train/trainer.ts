import { LimbeckError } from "../errors.ts";
import { type Float32Tensor, float32, type Tensor } from "../graph/tensor.ts";
import { SEQUENCE } from "../nn/text.ts";
import type { Runtime, SessionOptions, StatefulSession } from "../runtime/runtime.ts";
import { averageOf, type CompiledStep, METRICS, scalarInput } from "./step.ts";

/** Tensors that live from step to step, by name. */
export type State = ReadonlyMap<string, Float32Tensor>;

/** A compiled step with its state: what is trained. */
export interface Trainer {
  readonly step: CompiledStep;
  /**
   * Takes one optimiser step.
   *
   * @param batch Input, labels and teacher outputs, by the names in `step.batch`.
   * @param scalars Every name in `step.scalars`.
   * @param length Tokens of each sample, where there are steps for several lengths.
   * @returns The metrics by name.
   */
  run(batch: Readonly<Record<string, Tensor>>, scalars: Readonly<Record<string, number>>, length?: number): Promise<Record<string, number>>;
  /** The state after the last step, copied from the device if it lies there. Its tensors are overwritten two steps later: copy what must last. */
  state(): Promise<State>;
  /** The weights to evaluate and export, out of the state: the moving averages where they are kept, else the newest. */
  weights(): Promise<State>;
  release(): Promise<void>;
}

export interface TrainerOptions extends SessionOptions {
  /** The same step for texts of another length. It is compiled and loaded when the first batch of that length comes. */
  readonly stepFor?: (length: number) => CompiledStep;
}

/** Loads a compiled step into a runtime. @param state Where to start from; the step's initial state unless given. */
export async function createTrainer(
  runtime: Runtime,
  step: CompiledStep,
  state?: State,
  { stepFor, ...options }: TrainerOptions = {},
): Promise<Trainer> {
  const bindings = step.state.map(({ name, initial }) => ({
    input: name,
    output: `next:${name}`,
    initial: state ? saved(state, name, initial) : initial,
  }));
  const session = await runtime.createStatefulSession(step.graph, bindings, options);
  const runs = new Map([[step.sizes[SEQUENCE], Promise.resolve(session.run)]]);
  const runFor = (length = step.sizes[SEQUENCE]): Promise<StatefulSession["run"]> => {
    const known = runs.get(length);
    if (known) return known;
    const other = stepFor?.(length as number) ?? step;
    checkSameState(step, other);
    const loaded = session.withGraph(other.graph);
    runs.set(length, loaded);
    return loaded;
  };
  const scalarTensors = new Map(step.scalars.map((name) => [name, float32([0], [])]));
  const scalarFeeds = Object.fromEntries(Array.from(scalarTensors, ([name, tensor]) => [scalarInput(name), tensor]));
  const metrics = float32(new Float32Array(step.metrics.length));
  return {
    step,
    run: async (batch, scalars, length) => {
      for (const [name, tensor] of scalarTensors) {
        const value = scalars[name];
        if (value === undefined) throw new LimbeckError(`The training step needs a value for "${name}".`);
        tensor.data[0] = value;
      }
      const run = await runFor(length);
      await run({ ...batch, ...scalarFeeds }, { [METRICS]: metrics });
      return Object.fromEntries(step.metrics.map((name, index) => [name, metrics.data[index] as number]));
    },
    state: () => session.state(),
    weights: async () => {
      const current = await session.state();
      return new Map(step.weights.map((name) => [name, current.get(step.average ? averageOf(name) : name) as Float32Tensor]));
    },
    release: () => session.release(),
  };
}

/** @throws LimbeckError when what is trained for one length can't be trained for another. */
function checkSameState(step: CompiledStep, other: CompiledStep): void {
  const shapes = new Map(step.state.map(({ name, initial }) => [name, initial.shape.join()]));
  const different = other.state.find(({ name, initial }) => shapes.get(name) !== initial.shape.join());
  if (!different && other.state.length === step.state.length) return;
  throw new LimbeckError(`The size of "${different?.name ?? "what a loss remembers"}" depends on the length of texts.`, {
    hint: "Pad all of them to one length (data.buckets: 1), or use another loss.",
  });
}

/** A tensor of the saved state, in place of the one that the step would begin with. */
function saved(state: State, name: string, initial: Float32Tensor): Float32Tensor {
  const from = state.get(name);
  if (from?.data.length === initial.data.length) return float32(from.data, initial.shape);
  throw new LimbeckError(`The saved state does not fit this network: "${name}" is ${from ? "of another size" : "missing"}.`, {
    hint: "The recipe has changed since; start again in a new directory.",
  });
}
