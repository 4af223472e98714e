import { existsSync } from "node:fs";
import { dirname, extname, join, resolve } from "node:path";
import { encodedKinds, type SourceKind } from "../data/data-source.ts";
import { asTexts, findSource } from "../data/node/find-source.ts";
import { openData } from "../data/node/open-data.ts";
import { TOKENIZER } from "../data/node/tokenizer-directory.ts";
import type { Splits } from "../data/samples.ts";
import { parseData } from "../distill/recipe/parse.ts";
import { LimbeckError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import { takesTokens } from "../train/classifier.ts";
import { loadRecipeFile } from "./recipe-file.ts";

export interface NamedDataOptions {
  readonly relativeTo: string;
  /** Height and width, where the model leaves them open. */
  readonly size?: number;
  /** Of texts; the one beside the model unless given. */
  readonly tokenizer?: string;
}

const RECIPES = [".yaml", ".yml", ".json", ".ts", ".mts", ".js", ".mjs"];

/**
 * Opens what `--data` names: the data of a recipe, or others, images as a model takes them; of these, validation samples are among those of
 * training.
 *
 * @param path Of the model's file.
 * @throws LimbeckError when nothing is found, or it isn't known what size images get.
 */
export async function openNamedData(location: string, model: Graph, path: string, options: NamedDataOptions): Promise<Splits> {
  const { relativeTo, size } = options;
  if (RECIPES.includes(extname(location))) {
    const { content, directory } = await loadRecipeFile(resolve(relativeTo, location));
    return openData(parseData((content as { readonly data?: unknown } | undefined)?.data), { relativeTo: directory });
  }
  const found = await findSource(location, relativeTo);
  const source = takesTokens(model) ? asTexts(found) : found;
  const [kind] = Object.keys(source) as [SourceKind];
  if (kind === "text") {
    const tokenizer = resolve(relativeTo, options.tokenizer ?? dirname(path));
    if (options.tokenizer === undefined && !existsSync(join(tokenizer, TOKENIZER))) {
      throw new LimbeckError("There is no tokenizer.json beside the model.", { where: path, hint: "Say where it is: --tokenizer FOLDER." });
    }
    return openData(parseData({ ...source, tokenizer, validation: 0 }), { relativeTo });
  }
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
