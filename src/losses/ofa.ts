import { LimbeckError } from "../errors.ts";
import type { GraphBuilder } from "../graph/builder/builder.ts";
import type { Value } from "../graph/graph.ts";
import type { Network } from "../nn/layers.ts";
import { dense } from "../nn/torch-layers.ts";
import { positive, schedule } from "../options.ts";
import { logProbabilities, requireLogits, type Temperature, targets, timesSquare } from "./logits.ts";
import { featureLoss, logitLoss, overPairs } from "./loss.ts";
import { temperatureOption } from "./temperature.ts";
import { meanOfTokens } from "./tokens.ts";

/**
 * One-for-all distillation, for networks of different kinds: Hao, Guo, Han, Tang, Hu, Wang and Xu, 2023 (arXiv:2310.19444). Of each sample
 *
 *     −T²·Σ over classes of ((p + 1_y)^ε − 1_y)·log q, p = softmax(teacher/T), q = softmax(student/T), 1_y = 1 at the label
 *
 * ε > 1 raises the share of the label's class the more, the surer the teacher is of it; at ε = 1 this is cross-entropy with the teacher's
 * probabilities, whose gradient is that of `kd`. The authors take ε = 1 on CIFAR-100 and 1.5 on ImageNet, T = 1 (and have no T² then).
 *
 * @param student [B, C] logits @param teacher [B, C] logits @param labels [B], integers
 * @returns [B], in nats times T².
 */
export function ofaPerSample(
  g: GraphBuilder,
  student: Value,
  teacher: Value,
  labels: Value,
  { epsilon, temperature }: { readonly epsilon: number | Value; readonly temperature: Temperature },
): Value {
  requireLogits("One-for-all distillation", student, teacher);
  const hard = targets(g, labels, student);
  const p = g.exp(logProbabilities(g, teacher, temperature));
  const target = g.sub(g.pow(g.add(p, hard), epsilon), hard);
  const crossed = g.neg(g.reduceSum(g.mul(target, logProbabilities(g, student, temperature)), { axes: [1] }));
  return timesSquare(g, crossed, temperature);
}

const numbers = { epsilon: schedule(positive).default(1), temperature: temperatureOption.default(1) };

export const ofa = logitLoss({
  name: "ofa",
  summary: "The teacher's probabilities with the label's raised by a power, for networks of different kinds (OFA-KD)",
  paper: "Hao et al., 2023, arXiv:2310.19444",
  weight: 1,
  numbers,
  options: {},
  build: (scene) => ofaPerSample(scene.g, scene.student, scene.teacher, scene.labels(), scene.numbers),
});

/**
 * The same loss at the student's stages, each through a classifier of its own that is trained along and thrown away: all is compared in the
 * space of the classes, so the teacher's own features are not used. The classifier is the mean over places or tokens and a linear layer; the
 * authors put convolutions or transformer blocks before it, more of them for earlier stages.
 */
export const ofaStages = featureLoss({
  name: "ofaStages",
  summary: "ofa at the student's stages, each through a small classifier of its own",
  paper: "Hao et al., 2023, arXiv:2310.19444",
  weight: 1,
  numbers,
  options: {},
  pairs: "stages",
  fit: { form: "any", channels: "any", space: "any" },
  build: overPairs((scene, { student }, index) => {
    const { g, teacherLogits, mask } = scene;
    if (!teacherLogits)
      throw new LimbeckError("One-for-all distillation of stages compares them with the teacher's logits, which are not given.");
    const inputs = mask && student.shape.length === 3 ? [student, mask] : [student];
    const classifier = (network: Network, x: Value, kept?: Value) =>
      dense(network, "classifier", meanOf(network.g, x, kept), scene.classes);
    const logits = scene.module(`stage${index}`, inputs, classifier as (network: Network, ...inputs: Value[]) => Value);
    return g.reduceMean(ofaPerSample(g, logits, teacherLogits, scene.labels(), scene.numbers));
  }),
});

/** [B, D]: the mean over places of maps [B, D, H, W] or over tokens [B, T, D], those of the mask [B, T] only; vectors as they are. */
function meanOf(g: GraphBuilder, x: Value, mask?: Value): Value {
  if (x.shape.length === 4) return g.flatten(g.globalAveragePool(x));
  if (x.shape.length === 2) return x;
  return meanOfTokens(g, x, mask);
}
