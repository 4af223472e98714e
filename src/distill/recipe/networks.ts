import { z } from "zod";
import { bertVariants } from "../../nn/zoo/bert.ts";
import { convnextVariants } from "../../nn/zoo/convnext.ts";
import { mobilenetV3Variants } from "../../nn/zoo/mobilenet-v3.ts";
import { resnetVariants } from "../../nn/zoo/resnet.ts";
import { shufflenetV2Variants } from "../../nn/zoo/shufflenet-v2.ts";
import { vggVariants } from "../../nn/zoo/vgg.ts";
import { vitVariants } from "../../nn/zoo/vit.ts";
import { wideResnetVariants } from "../../nn/zoo/wide-resnet.ts";
import { count, mustBe, oneOf, positive, strict } from "../../options.ts";

/** The names of a family's variants. */
const variants = <K extends string>(table: Readonly<Record<K, unknown>>) => z.literal(Object.keys(table) as [K, ...K[]]);

/** A safetensors file of weights to start from, by PyTorch's names; patterns of names that keep their random weights. */
const weights = strict({ file: z.string().min(1), ignore: z.array(z.string()).default([]) }).optional();
/** What every network of texts takes. Classes and vocabulary are the data's. */
const ofTexts = { classes: count.optional(), seed: z.int().optional(), weights };
/** What every network of images takes. Classes and the shape of a sample are the data's. */
const common = {
  classes: count.optional(),
  seed: z.int().optional(),
  /** Height and width at which it sees images: it begins by resizing them, unless they are of that size. */
  inputSize: count.optional(),
  weights,
};
const dropout = z.number().min(0).lt(1);
/** A multiple of every number of channels. */
const width = positive.optional();
/** BERT-base's unless given; of DistilBERT half as many layers. */
const bertSize = { layers: count.optional(), hidden: count.optional(), heads: count.optional(), intermediate: count.optional() };
const bertOptions = {
  dropout: dropout.optional(),
  attentionDropout: dropout.optional(),
  classifierDropout: dropout.optional(),
  /** Whether it guesses masked words, too. */
  maskedLm: z.boolean().optional(),
};
const stem = z.enum(["imagenet", "cifar"]).optional();

const everySecond = z.literal("everySecond");
const chosen = z.array(z.int().nonnegative()).min(1);
/** The blocks that a transformer keeps: their numbers from 0, or so many of them: evenly, the first or the last. */
const layers = z.union([everySecond, chosen, oneOf({ uniform: count, first: count, last: count })], {
  error: ({ input }) => mustBe("a list of numbers from 0, everySecond, or an object with exactly one key of uniform, first, last", input),
});

const families = [
  strict({
    zoo: z.literal("mlp"),
    hidden: z.array(count).default([512]),
    dropout: strict({ input: dropout.optional(), hidden: dropout.optional() }).optional(),
    ...common,
  }),
  strict({ zoo: z.literal("lenet"), ...common }),
  strict({
    zoo: z.literal("small-cnn"),
    channels: z.array(count).min(1).default([32, 64, 128]),
    depth: count.default(2),
    hidden: count.optional(),
    dropout: dropout.default(0),
    ...common,
  }),
  strict({ zoo: variants(vggVariants), width, ...common }),
  strict({ zoo: variants(resnetVariants), width, stem, ...common }),
  strict({ zoo: z.literal("resnet9"), width, ...common }),
  strict({ zoo: z.literal("airbench"), width, ...common }),
  strict({ zoo: variants(wideResnetVariants), dropout: dropout.optional(), ...common }),
  strict({ zoo: z.literal("mobilenet-v2"), width, stem, dropout: dropout.optional(), ...common }),
  strict({ zoo: z.literal("mobilenet-v2-half"), ...common }),
  strict({ zoo: variants(mobilenetV3Variants), width, stem, dropout: dropout.optional(), ...common }),
  strict({ zoo: variants(shufflenetV2Variants), stem, ...common }),
  strict({ zoo: z.literal("efficientnet-b0"), width, stem, dropout: dropout.optional(), ...common }),
  strict({ zoo: variants(convnextVariants), width, stem, ...common }),
  strict({ zoo: variants(vitVariants), patch: count.optional(), dropout: dropout.optional(), ...common }),
  // Of texts.
  strict({ zoo: variants(bertVariants), ...bertOptions, ...ofTexts }),
  strict({ zoo: z.literal(["bert", "distilbert"]), ...bertSize, ...bertOptions, ...ofTexts }),
  strict({
    zoo: z.literal("bilstm"),
    embedding: count.optional(),
    units: count.optional(),
    hidden: count.optional(),
    dropout: dropout.optional(),
    ...ofTexts,
  }),
  strict({
    zoo: z.literal("text-cnn"),
    embedding: count.optional(),
    windows: z.array(count).min(1).optional(),
    filters: count.optional(),
    dropout: dropout.optional(),
    ...ofTexts,
  }),
  /** `layers`: a transformer keeps those. `newHead`: the last layer is replaced by a new one for the data's classes. */
  strict({ zoo: z.literal("onnx"), file: z.string().min(1), layers: layers.optional(), newHead: z.boolean().optional() }),
] as const;

/** Every name that may stand after `zoo:`. */
export const networkNames: readonly string[] = families.flatMap(({ shape }): string[] => [...shape.zoo.values]);
const named = networkNames.join(", ");

/** A network of the zoo by its name and options, or an ONNX file. */
export const networkSchema = z.discriminatedUnion("zoo", families, {
  error: ({ code, input }) =>
    code === "invalid_union"
      ? mustBe(`one of ${named}`, (input as { zoo?: unknown }).zoo)
      : mustBe(`a network such as { zoo: mlp } (one of ${named}), or the path of an ONNX file`, input),
});

type OnnxInput = Extract<z.input<typeof networkSchema>, { readonly zoo: "onnx" }>;
/** A student that begins as part of another network. */
type FromInput = Omit<OnnxInput, "zoo" | "file"> & { readonly from: string };

/** A path alone stands for the ONNX file there, and so does `from`. (To the type checker, what `preprocess` takes is unknown.) */
export const networkOrFile = z.preprocess((value) => {
  if (typeof value === "string") return { zoo: "onnx", file: value };
  if (typeof value !== "object" || value === null || !("from" in value) || "zoo" in value) return value;
  const { from, ...rest } = value;
  return { zoo: "onnx", file: from, ...rest };
}, networkSchema) as unknown as z.ZodType<z.output<typeof networkSchema>, string | FromInput | z.input<typeof networkSchema>>;

type NetworkInput = z.input<typeof networkSchema>;
type OptionsOf<T, K> = T extends { readonly zoo: infer Names } ? (K extends Names ? Omit<T, "zoo"> : never) : never;
/** What the network of a name may be given in a recipe. */
export type NetworkOptions<K extends NetworkInput["zoo"]> = OptionsOf<NetworkInput, K>;
