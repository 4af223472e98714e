import type { Value } from "../graph/graph.ts";
import type { LossParts } from "../losses/loss.ts";
import { buildNetwork } from "../nn/layers.ts";
import { OF_LOSS, type StepBuilder, type StepOptions } from "./step.ts";
import { inlineForTraining, trainable } from "./trainable.ts";

/** Scalars that are the step's, whatever loss asks for them. */
const SHARED = new Set(["seed"]);

/**
 * What a loss of the step may have of its own.
 *
 * @param loss Its name, which keeps what it has apart from what others have.
 * @param added Receives what is to be trained beside the student.
 */
export function lossParts(
  step: StepBuilder,
  loss: string,
  added: Value[],
  { seed = 0, channelBlock }: Pick<StepOptions, "seed" | "channelBlock">,
): LossParts {
  const { g, scalar, remember, replace } = step;
  const own = (name: string) => `${OF_LOSS}${loss}/${name}`;
  const parameter: LossParts["parameter"] = (name, initial) => {
    const value = remember(own(name), initial);
    added.push(value);
    return value;
  };
  return {
    g,
    parameter,
    scalar: (name) => scalar(SHARED.has(name) ? name : `${name}:${loss}`),
    memory: (name, initial) => ({ value: remember(own(name), initial), replace: (next) => replace(own(name), next) }),
    module: (name, inputs, body) => {
      const graph = buildNetwork(name, seedOf(own(name), seed), (network) => ({
        [OUTPUT]: body(network, ...inputs.map(({ type, shape }, index) => network.g.input(inputName(index), type, shape))),
      }));
      const { graph: network, parameters, buffers } = trainable(graph);
      const bind = new Map(inputs.map((input, index): [string, Value] => [inputName(index), input]));
      for (const [weight, tensor] of parameters) bind.set(weight, parameter(`${name}/${weight}`, tensor));
      // Running averages serve inference, and what a loss adds is for training alone.
      for (const [buffer, tensor] of buffers) bind.set(buffer, g.store(own(`${name}/${buffer}`), tensor));
      const { values } = g.scope(name, () =>
        inlineForTraining(g, network, bind, scalar("seed"), { channelBlock, prefix: own(`${name}/`) }),
      );
      return values.get(OUTPUT) as Value;
    },
  };
}

const OUTPUT = "output";
const inputName = (index: number): string => `input${index}`;

/** Two layers of one network begin differently. */
function seedOf(name: string, seed: number): number {
  let mixed = seed;
  for (let index = 0; index < name.length; index++) mixed = (Math.imul(mixed, 31) + name.charCodeAt(index)) | 0;
  return mixed;
}
