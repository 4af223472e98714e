import { LimbeckError } from "../errors.ts";
import { writeOnnx } from "../graph/onnx/write.ts";
import { type Float32Tensor, float32, type Tensor } from "../graph/tensor.ts";
import { writingInPlace } from "../runtime/in-place.ts";
import type { Runtime, SessionOptions } from "../runtime/runtime.ts";
import { averageOf, type CompiledStep, initialState, METRICS, scalarInput } from "./step.ts";

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
   * @returns The metrics by name.
   */
  run(batch: Readonly<Record<string, Tensor>>, scalars: Readonly<Record<string, number>>): Promise<Record<string, number>>;
  /** The state after the last step. Its tensors are overwritten two steps later: copy what must last. */
  readonly state: State;
  /** The weights to evaluate and export: the moving averages where they are kept, else the newest. */
  readonly weights: State;
  release(): Promise<void>;
}

/** Loads a compiled step into a runtime. @param state Where to start from; the step's initial state unless given. */
export async function createTrainer(runtime: Runtime, step: CompiledStep, state?: State, options?: SessionOptions): Promise<Trainer> {
  const session = await runtime.createSession(writeOnnx(writingInPlace(step.graph)), options);
  // Read from one set of tensors, write to the other, swap: nothing is allocated while training.
  let current = side(step, state);
  let other = side(step);
  const scalarTensors = new Map(step.scalars.map((name) => [name, float32([0], [])]));
  const scalarFeeds = Object.fromEntries(Array.from(scalarTensors, ([name, tensor]) => [scalarInput(name), tensor]));
  const metrics = float32(new Float32Array(step.metrics.length));
  return {
    step,
    run: async (batch, scalars) => {
      for (const [name, tensor] of scalarTensors) {
        const value = scalars[name];
        if (value === undefined) throw new LimbeckError(`The training step needs a value for "${name}".`);
        tensor.data[0] = value;
      }
      await session.run({ ...batch, ...scalarFeeds, ...current.feeds }, { into: { [METRICS]: metrics, ...other.results }, fetch: [] });
      [current, other] = [other, current];
      return Object.fromEntries(step.metrics.map((name, index) => [name, metrics.data[index] as number]));
    },
    get state() {
      return current.tensors;
    },
    get weights() {
      return new Map(step.weights.map((name) => [name, current.tensors.get(step.average ? averageOf(name) : name) as Float32Tensor]));
    },
    release: () => session.release(),
  };
}

/** One of the two sets of state tensors, under the names by which the step reads and writes them. */
function side(step: CompiledStep, from?: State) {
  const tensors = initialState(step);
  if (from) copyInto(tensors, from);
  const results = Object.fromEntries(Array.from(tensors, ([name, tensor]) => [`next:${name}`, tensor]));
  return { tensors, feeds: Object.fromEntries(tensors), results };
}

function copyInto(target: State, source: State): void {
  for (const [name, tensor] of target) {
    const from = source.get(name);
    if (from?.data.length !== tensor.data.length) {
      throw new LimbeckError(`The saved state does not fit this network: "${name}" is ${from ? "of another size" : "missing"}.`, {
        hint: "The recipe has changed since; start again in a new directory.",
      });
    }
    tensor.data.set(from.data);
  }
}
