import type { PeerName } from "./contestant.ts";

/** Two goals for a figure. */
export interface Goal {
  readonly atLeast: number;
  readonly aim: number;
}

/** One piece of work, by Limbeck and by a peer. */
export interface Row {
  /** What `--only` asks for. */
  readonly id: string;
  readonly name: string;
  readonly measure: "time" | "memory" | "start";
  /** Names under which Limbeck and the peer know it. */
  readonly work: string;
  readonly peer?: { readonly name: PeerName; readonly work: string; readonly variants: readonly string[] };
  /** Of the ratio peer / Limbeck; for the start, milliseconds. */
  readonly goal?: Goal;
  /** Of the share of the machine's rate. */
  readonly shareGoal?: Goal;
  /** Steps that the table's figure is for; 1 unless given. */
  readonly scale?: { readonly steps: number; readonly name: string };
}

/** PyTorch's ways of computing on images. */
const LAYOUTS = ["eager", "channels-last", "compiled", "channels-last compiled"];
const OPTIMIZERS = ["eager", "fused", "fused compiled"];
/** Of CIFAR-100 in batches of 64. */
const STEPS_PER_EPOCH = Math.floor(50_000 / 64);
const epoch = { steps: STEPS_PER_EPOCH, name: `an epoch of ${STEPS_PER_EPOCH} steps` };

const pytorch = (work: string, variants: readonly string[]): Row["peer"] => ({ name: "pytorch", work, variants });

export const rows: readonly Row[] = [
  {
    id: "mlp",
    name: "MLP 784-1200-1200-10, SGD step, batch 128",
    measure: "time",
    work: "mlp-step",
    peer: pytorch("mlp-step", OPTIMIZERS),
    goal: { atLeast: 1.1, aim: 1.3 },
  },
  {
    id: "resnet20",
    name: "ResNet-20 (CIFAR), SGD step, batch 64",
    measure: "time",
    work: "resnet20-step",
    peer: pytorch("resnet20-step", LAYOUTS),
    goal: { atLeast: 0.8, aim: 1.2 },
    shareGoal: { atLeast: 0.45, aim: 0.7 },
  },
  {
    id: "mobilenet",
    name: "MobileNetV2 ×0.5 (CIFAR stem), SGD step, batch 64",
    measure: "time",
    work: "mobilenet-step",
    peer: pytorch("mobilenet-step", LAYOUTS),
    goal: { atLeast: 0.8, aim: 1.2 },
  },
  {
    id: "bert",
    name: "BERT 4 layers, 256 wide, AdamW step, batch 32, length 64",
    measure: "time",
    work: "bert-step",
    peer: pytorch("bert-step", OPTIMIZERS),
    goal: { atLeast: 1, aim: 1.3 },
  },
  ...(["resnet56", "wrn-40-2", "bert-base"] as const).map(
    (network): Row => ({
      id: `teacher-${network}`,
      name: `${{ resnet56: "ResNet-56", "wrn-40-2": "WRN-40-2", "bert-base": "BERT-base (length 64)" }[network]} as teacher, batch 64`,
      measure: "time",
      work: `teacher-${network}`,
      peer: pytorch(`teacher-${network}`, network === "bert-base" ? ["eager", "compiled"] : LAYOUTS),
      goal: { atLeast: 1.3, aim: 2 },
    }),
  ),
  {
    id: "kd",
    name: "distilling resnet32x4 → resnet8x4 (CIFAR-100), batch 64, first epoch",
    measure: "time",
    work: "kd",
    peer: pytorch("kd", [...LAYOUTS, "channels-last torchdistill"]),
    goal: { atLeast: 1.2, aim: 1.6 },
    scale: epoch,
  },
  {
    id: "kd-int8",
    name: "the same with the teacher in int8 (`teacherPrecision`), PyTorch's in float32",
    measure: "time",
    work: "kd-int8",
    peer: pytorch("kd", LAYOUTS),
    goal: { atLeast: 1.2, aim: 1.6 },
    scale: epoch,
  },
  {
    id: "kd-cached",
    name: "the same, later epochs: answers known, PyTorch asks its teacher again",
    measure: "time",
    work: "kd-cached",
    peer: pytorch("kd", LAYOUTS),
    goal: { atLeast: 2.5, aim: 4 },
    scale: epoch,
  },
  {
    id: "mlp-jax",
    name: "the MLP's step beside jax-js",
    measure: "time",
    work: "mlp-step",
    peer: { name: "jax-js", work: "mlp-step", variants: ["eager"] },
    goal: { atLeast: 3, aim: 5 },
  },
  {
    id: "conv",
    name: "conv 3×3 64→64, 32×32, batch 64, forward and backward",
    measure: "time",
    work: "conv",
    peer: pytorch("conv", ["eager", "channels-last"]),
  },
  {
    id: "conv-tfjs",
    name: "the same convolution beside TensorFlow.js, its own gradients",
    measure: "time",
    work: "conv",
    peer: { name: "tfjs", work: "conv", variants: ["own gradients"] },
    goal: { atLeast: 20, aim: 100 },
  },
  {
    id: "conv-tfjs-wasm",
    name: "the same beside its WebAssembly, gradients by hand",
    measure: "time",
    work: "conv",
    peer: { name: "tfjs", work: "conv", variants: ["wasm, gradients by hand"] },
  },
  {
    id: "memory",
    name: "peak memory of a process that trains resnet8x4, batch 64",
    measure: "memory",
    work: "resnet8x4-step",
    peer: pytorch("resnet8x4-step", ["eager", "channels-last"]),
    goal: { atLeast: 1, aim: 1 / 0.7 },
  },
  {
    id: "start",
    name: "`limbeck --help`, from start to end",
    measure: "start",
    work: "start",
    goal: { atLeast: 150, aim: 80 },
  },
];
