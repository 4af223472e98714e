import { encodedKinds, type SourceKind } from "../data/data-source.ts";
import { findSource } from "../data/node/find-source.ts";
import { openData } from "../data/node/open-data.ts";
import type { Splits } from "../data/samples.ts";
import { parseData } from "../distill/recipe/parse.ts";
import { LimbeckError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";

/**
 * Opens what `--data` names, images as a model takes them; validation samples are among those of training.
 *
 * @param size Height and width, where the model leaves them open.
 * @throws LimbeckError when nothing is found, or it isn't known what size images get.
 */
export async function openNamedData(location: string, model: Graph, options: { relativeTo: string; size?: number }): Promise<Splits> {
  const { relativeTo, size } = options;
  const source = await findSource(location, relativeTo);
  const [kind] = Object.keys(source) as [SourceKind];
  const images = encodedKinds.includes(kind) ? imagesOf(model, size) : {};
  return openData(parseData({ ...source, ...images, validation: 0 }), { relativeTo });
}

function imagesOf({ inputs, name }: Graph, size?: number): { channels: unknown; size: unknown } {
  const [, ...taken] = inputs[0]?.shape ?? [];
  const areLast = !isChannels(taken[0]) && isChannels(taken[2]);
  const [channels, height, width] = areLast ? [taken[2], taken[0], taken[1]] : taken;
  const own = typeof height === "number" && typeof width === "number" ? [height, width] : undefined;
  if (size === undefined && !own) {
    throw new LimbeckError("The model takes images of any size.", { where: name, hint: "Say what they get: --size 224." });
  }
  return { channels: typeof channels === "number" ? channels : 3, size: size ?? own };
}

/** Those that images are decoded to. */
const isChannels = (size: unknown): boolean => size === 1 || size === 3;
