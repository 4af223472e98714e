import { LimbeckError } from "../../errors.ts";
import type { RecipeInput } from "./schema.ts";

/** A published method as a recipe has it. */
export interface Preset {
  /** One line for `limbeck methods`. */
  readonly summary: string;
  /** Where the hyper-parameters come from. */
  readonly source: string;
  readonly recipe: Pick<RecipeInput, "losses" | "stages" | "teacherClassifier">;
}

const hard = { crossEntropy: {} } as const;
/** A tenth of the weight for the labels, as in the CIFAR recipes. */
const tenth = { crossEntropy: { weight: 0.1 } } as const;
const CIFAR = "the CIFAR-100 recipe of RepDistiller and mdistiller";

/** Published methods by the names that `preset` takes. What they say of losses is theirs; optimiser, epochs and data stay the recipe's. */
export const presets = {
  hinton: {
    summary: "Soft targets at T = 4, with a tenth of hard labels",
    source: CIFAR,
    recipe: { losses: [tenth, { kd: { weight: 0.9, temperature: 4 } }] },
  },
  dynamic: {
    summary: "Soft targets at a temperature that falls: 10, from epoch 5 on 5, from epoch 15 on 3",
    source: "the survey article that Limbeck was built from",
    recipe: { losses: [tenth, { kd: { weight: 0.9, temperature: { steps: { 0: 10, 5: 5, 15: 3 } } } }] },
  },
  threePart: {
    summary: "Hard labels, soft targets and attention together",
    source: "the survey article; the weights are those of the parts alone",
    recipe: { losses: [tenth, { kd: { weight: 0.9, temperature: 4 } }, { attention: { weight: 1000 } }] },
  },
  lskd: {
    summary: "Soft targets of standardised logits at T = 2",
    source: "Sun et al., 2024: the authors' CIFAR-100 scripts",
    recipe: { losses: [tenth, { kd: { weight: 9, temperature: 2, standardize: true } }] },
  },
  ctkd: {
    summary: "Soft targets at a temperature that is learnt against the student",
    source: "Li et al., 2022: the authors' CIFAR-100 scripts; the rise of lambda is linear here",
    recipe: { losses: [tenth, { kd: { weight: 0.9, temperature: { learned: {} } } }] },
  },
  dkd: {
    summary: "Target and non-target classes apart, the latter times 8, after a warm-up",
    source: "mdistiller's CIFAR-100 recipe: 20 of 240 epochs of warm-up",
    recipe: { losses: [hard, { dkd: { weight: { constant: { value: 1, warmup: 0.083 } }, alpha: 1, beta: 8, temperature: 4 } }] },
  },
  dist: {
    summary: "Correlation of probabilities within and between samples",
    source: "Huang et al., 2022; weight 2 as in torchdistill's ImageNet recipe",
    recipe: { losses: [hard, { dist: { weight: 2, beta: 1, gamma: 1, temperature: 1 } }] },
  },
  multiLevel: {
    summary: "Logits at several temperatures, with correlations over the batch and the classes",
    source: "Jin et al., 2023: the released code",
    recipe: { losses: [tenth, { multiLevel: {} }] },
  },
  jsd: {
    summary: "The generalised Jensen-Shannon divergence, half way between both directions",
    source: "Agarwal et al., 2023 (GKD), at beta = 0.5",
    recipe: { losses: [tenth, { jsd: { weight: 0.9 } }] },
  },
  tfkd: {
    summary: "A virtual teacher made of the label alone: no teacher is needed",
    source: "Yuan et al., 2020: the authors' CIFAR-100 settings of ResNet-18",
    recipe: { losses: [hard, { virtualTeacher: {} }] },
  },
  patient: {
    summary: "Soft targets at T = 1 alone, for consistent views and long schedules",
    source: "Beyer et al., 2021 (patient and consistent): no labels; give it many epochs and data.augment",
    recipe: { losses: [{ kd: { temperature: 1 } }] },
  },
  fitnets: {
    summary: "Two stages: first the middle layer's features, then soft targets",
    source: "Romero et al., 2014, in its two stages; weights of the CIFAR-100 recipe",
    recipe: {
      stages: [
        { name: "hint", losses: [{ hint: { weight: 100 } }] },
        { name: "soft", losses: [tenth, { kd: { weight: 0.9, temperature: 4 } }] },
      ],
    },
  },
  hint: {
    summary: "The middle layer's features beside hard labels, in one stage",
    source: `${CIFAR}, whose FitNet has one stage`,
    recipe: { losses: [hard, { hint: { weight: 100 } }] },
  },
  attention: {
    summary: "Attention transfer at every stage beside hard labels",
    source: CIFAR,
    recipe: { losses: [hard, { attention: { weight: 1000 } }] },
  },
  similarity: {
    summary: "Which samples of a batch are alike (SP)",
    source: CIFAR,
    recipe: { losses: [hard, { similarity: { weight: 3000 } }] },
  },
  rkd: {
    summary: "Distances and angles between the samples' features",
    source: "Park et al., 2019: 25 and 50",
    recipe: { losses: [hard, { rkdDistance: { weight: 25 } }, { rkdAngle: { weight: 50 } }] },
  },
  pkt: {
    summary: "Probabilities of being neighbours",
    source: CIFAR,
    recipe: { losses: [hard, { pkt: { weight: 30_000 } }] },
  },
  cc: {
    summary: "Correlation congruence of consecutive samples",
    source: CIFAR,
    recipe: { losses: [hard, { cc: { weight: 0.02 } }] },
  },
  crd: {
    summary: "Contrastive representation distillation, with memories of every sample",
    source: CIFAR,
    recipe: { losses: [hard, { crd: { weight: 0.8 } }] },
  },
  vid: {
    summary: "Variational information: features predicted with a trained variance",
    source: CIFAR,
    recipe: { losses: [hard, { vid: { weight: 1 } }] },
  },
  nst: {
    summary: "Neuron selectivity: the patterns of all channels, by a polynomial kernel",
    source: CIFAR,
    recipe: { losses: [hard, { nst: { weight: 50 } }] },
  },
  ab: {
    summary: "Two stages: which neurons are active, then labels",
    source: `${CIFAR}: 30 of 240 epochs come first; here both are as long as the recipe says`,
    recipe: {
      stages: [
        { name: "boundaries", losses: [{ ab: { weight: 1 } }] },
        { name: "labels", losses: [hard] },
      ],
    },
  },
  factor: {
    summary: "Factor transfer of the last maps",
    source: CIFAR,
    recipe: { losses: [hard, { factor: { weight: 200 } }] },
  },
  fsp: {
    summary: "Two stages: the flow between layers, then labels",
    source: `${CIFAR}: pretraining comes first; here both are as long as the recipe says`,
    recipe: {
      stages: [
        { name: "flow", losses: [{ fsp: { weight: 50 } }] },
        { name: "labels", losses: [hard] },
      ],
    },
  },
  cwd: {
    summary: "Where each channel looks, as a distribution over places",
    source: "Shu et al., 2021: T = 4, weight 50",
    recipe: { losses: [hard, { cwd: { weight: 50, temperature: 4 } }] },
  },
  review: {
    summary: "Knowledge review: each stage learns from all earlier ones of the teacher",
    source: "Chen et al., 2021: weight 1, 20 of 240 epochs of warm-up",
    recipe: { losses: [hard, { review: { weight: { constant: { value: 1, warmup: 0.083 } } } }] },
  },
  simkd: {
    summary: "The teacher's own classifier on the student's features, which are made to be the teacher's",
    source: "Chen et al., 2022: no labels, weight 1",
    recipe: { teacherClassifier: true, losses: [{ hint: { weight: 1, pairs: ["last"] } }] },
  },
  ofa: {
    summary: "Every stage classifies, by targets that lean on the label: for other kinds of teachers",
    source: "Hao et al., 2023: epsilon 1, label smoothing 0.1",
    recipe: { losses: [{ crossEntropy: { labelSmoothing: 0.1 } }, { ofa: {} }, { ofaStages: {} }] },
  },
  pkd: {
    summary: "Transformers: every block's first token, of the teacher's every so manyth, beside soft targets (patient KD)",
    source: "Sun et al., 2019 (PKD-skip, but with the last block): T = 10; the weight is one of those the paper tries",
    recipe: {
      losses: [{ crossEntropy: { weight: 0.5 } }, { kd: { weight: 0.5, temperature: 10 } }, { pkd: { weight: 100, pairs: "uniform" } }],
    },
  },
  distilbert: {
    summary: "Transformers: soft targets at T = 2 and the direction of the last hidden states",
    source: "Sanh et al., 2019: 5, 2 and 1, the labels standing in for masked words",
    recipe: { losses: [{ crossEntropy: { weight: 2 } }, { kd: { weight: 5, temperature: 2 } }, { hiddenCosine: { weight: 1 } }] },
  },
  distilbertPretraining: {
    summary: "Transformers on texts without labels: what the teacher says of every word, the last hidden states, masked words",
    source:
      "Sanh et al., 2019: 5 at T = 2, 1 and 2; teacher and student need a head that guesses words (`limbeck import --head masked-lm --classes N`)",
    recipe: { losses: [{ wordKd: { weight: 5, temperature: 2 } }, { hiddenCosine: { weight: 1 } }, { maskedLanguage: { weight: 2 } }] },
  },
  tinybert: {
    summary: "Transformers, two stages: embeddings, hidden states and attention scores, then predictions",
    source:
      "Jiao et al., 2019: weights of 1, T = 1, uniform layers; padding is left out, as TextBrewer does, and each pair has a projection of its own",
    recipe: {
      stages: [
        {
          name: "layers",
          losses: [
            { hiddenMse: { pairs: ["embeddings"] } },
            { hiddenMse: { pairs: "uniform" } },
            { attentionScores: { pairs: "uniform" } },
          ],
        },
        { name: "predictions", losses: [{ tinybertPrediction: {} }] },
      ],
    },
  },
  minilm: {
    summary: "Transformers, two stages: the last attention and its values, then labels",
    source: "Wang et al., 2020: weights of 1",
    recipe: {
      stages: [
        { name: "attention", losses: [{ miniLm: {} }] },
        { name: "labels", losses: [hard] },
      ],
    },
  },
  minilmv2: {
    summary: "Transformers, two stages: relations of the last queries, keys and values, then labels",
    source: "Wang et al., 2021: 48 relation heads",
    recipe: {
      stages: [
        { name: "relations", losses: [{ miniLmV2: {} }] },
        { name: "labels", losses: [hard] },
      ],
    },
  },
} as const satisfies Readonly<Record<string, Preset>>;

export type PresetName = keyof typeof presets;

/**
 * A recipe with its preset written out.
 *
 * @throws LimbeckError when there is no such preset, or the recipe also says what the preset says.
 */
export function withPreset(recipe: unknown, where: string): unknown {
  if (typeof recipe !== "object" || recipe === null || !("preset" in recipe)) return recipe;
  const { preset: name, ...rest } = recipe as Readonly<Record<string, unknown>>;
  if (typeof name !== "string" || !Object.hasOwn(presets, name)) {
    throw new LimbeckError(`preset: must be one of ${Object.keys(presets).join(", ")} (found ${JSON.stringify(name)}).`, {
      where,
      hint: "`limbeck methods` says what each is.",
    });
  }
  const said = structuredClone((presets as Readonly<Record<string, Preset>>)[name]?.recipe) as Readonly<Record<string, unknown>>;
  const twice = ["losses", "stages"].find((key) => key in rest);
  if (twice !== undefined) {
    throw new LimbeckError(`The preset "${name}" says what the ${twice} are, and so does the recipe.`, {
      where,
      hint: `Leave out one of the two: preset, or ${twice}.`,
    });
  }
  return { ...rest, ...said };
}
