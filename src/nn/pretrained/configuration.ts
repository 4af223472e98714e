import { z } from "zod";
import { LimbeckError } from "../../errors.ts";
import type { BertConfiguration } from "../zoo/bert.ts";

/** What the config.json of an encoder says that its graph depends on. */
export interface EncoderConfiguration {
  readonly family: "bert" | "distilbert";
  readonly size: BertConfiguration;
  readonly vocabulary: number;
  readonly positions: number;
  /** Number of different token types; of BERT. */
  readonly types: number;
  readonly dropout: number;
  readonly attentionDropout: number;
  readonly classifierDropout: number;
  /** Added to variances where layers are normalised. */
  readonly epsilon: number;
}

const size = z
  .int()
  .min(1)
  .max(2 ** 24);
const ratio = z.number().min(0).lt(1);

// Defaults are those of transformers' BertConfig and DistilBertConfig, which a file leaves out.

const bertShape = z.looseObject({
  num_hidden_layers: size.default(12),
  hidden_size: size.default(768),
  num_attention_heads: size.default(12),
  intermediate_size: size.default(3072),
  vocab_size: size.default(30_522),
  max_position_embeddings: size.default(512),
  type_vocab_size: size.default(2),
  hidden_act: z.literal("gelu").default("gelu"),
  position_embedding_type: z.literal("absolute").nullish(),
  is_decoder: z.literal(false).nullish(),
  layer_norm_eps: z.number().positive().lt(1).default(1e-12),
  hidden_dropout_prob: ratio.default(0.1),
  attention_probs_dropout_prob: ratio.default(0.1),
  classifier_dropout: ratio.nullish(),
});

const distilbertShape = z.looseObject({
  n_layers: size.default(6),
  dim: size.default(768),
  n_heads: size.default(12),
  hidden_dim: size.default(3072),
  vocab_size: size.default(30_522),
  max_position_embeddings: size.default(512),
  activation: z.literal("gelu").default("gelu"),
  dropout: ratio.default(0.1),
  attention_dropout: ratio.default(0.1),
  seq_classif_dropout: ratio.default(0.2),
});

const readers: Readonly<Record<EncoderConfiguration["family"], (json: unknown, source: string) => EncoderConfiguration>> = {
  bert(json, source) {
    const read = checked(bertShape, json, source);
    return {
      family: "bert",
      size: {
        layers: read.num_hidden_layers,
        hidden: read.hidden_size,
        heads: read.num_attention_heads,
        intermediate: read.intermediate_size,
      },
      vocabulary: read.vocab_size,
      positions: read.max_position_embeddings,
      types: read.type_vocab_size,
      dropout: read.hidden_dropout_prob,
      attentionDropout: read.attention_probs_dropout_prob,
      classifierDropout: read.classifier_dropout ?? read.hidden_dropout_prob,
      epsilon: read.layer_norm_eps,
    };
  },
  distilbert(json, source) {
    const read = checked(distilbertShape, json, source);
    return {
      family: "distilbert",
      size: { layers: read.n_layers, hidden: read.dim, heads: read.n_heads, intermediate: read.hidden_dim },
      vocabulary: read.vocab_size,
      positions: read.max_position_embeddings,
      types: 0,
      dropout: read.dropout,
      attentionDropout: read.attention_dropout,
      classifierDropout: read.seq_classif_dropout,
      epsilon: 1e-12,
    };
  },
};

/** Float32 weights that one ONNX file can hold (2 GB). */
const MOST_WEIGHTS = 2 ** 29;

/**
 * Reads the config.json of a BERT or a DistilBERT as transformers saves it.
 *
 * @param source What to call the file in messages.
 * @throws LimbeckError when it is of another kind of model, or asks for what isn't built here.
 */
export function encoderConfiguration(json: unknown, source: string): EncoderConfiguration {
  const family = typeof json === "object" && json !== null && "model_type" in json ? json.model_type : undefined;
  if (family !== "bert" && family !== "distilbert") {
    throw new LimbeckError(`The model is of the type ${JSON.stringify(family)}; only "bert" and "distilbert" are imported.`, {
      where: source,
      hint: "Export another model to ONNX, and give that file as teacher or student.",
    });
  }
  const found = readers[family](json, source);
  const { layers, hidden, intermediate } = found.size;
  const weights = hidden * (found.vocabulary + found.positions + found.types + layers * (4 * hidden + 2 * intermediate));
  if (weights > MOST_WEIGHTS) {
    throw new LimbeckError(`A model of these sizes has ${weights.toExponential(1)} weights, more than one ONNX file can hold (2 GB).`, {
      where: source,
    });
  }
  return found;
}

function checked<T>(shape: z.ZodType<T>, json: unknown, source: string): T {
  const { success, data, error } = shape.safeParse(json);
  if (success) return data;
  const { path = [], message = "" } = error.issues[0] ?? {};
  throw new LimbeckError(`The model can't be imported: ${path.join(".")} of its configuration is not as it must be: ${message}.`, {
    where: source,
    hint: "Encoders with GELU and absolute positions are imported, in the sizes that config.json states.",
  });
}
