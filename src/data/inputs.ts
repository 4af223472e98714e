import type { Tensor } from "../graph/tensor.ts";

/**
 * What networks are fed of some samples, by the names of their inputs. Values, such as those of images, are for the only input of a network,
 * whatever that is called: they are under `VALUES`.
 */
export type Inputs = Readonly<Record<string, Tensor>>;

export const VALUES = "values";
/** Beside what networks take: the words that are to be guessed, int32 [N, S], −1 where none is. */
export const TOKEN_LABELS = "token_labels";

/** What a network takes of a batch, by the names that it has for it. @param names Of its inputs. */
export function feedsFor(names: readonly string[], inputs: Inputs): Readonly<Record<string, Tensor>> {
  const values = inputs[VALUES];
  return Object.fromEntries(names.map((name) => [name, values ?? (inputs[name] as Tensor)]));
}
