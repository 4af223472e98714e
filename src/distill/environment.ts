import type { OpenLoader } from "../data/loader.ts";
import type { Progress } from "../data/progress.ts";
import type { Splits } from "../data/samples.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { CheckpointStore } from "../train/checkpoint.ts";
import type { EpochEvent, StepEvent } from "../train/fit.ts";
import type { ShardStore } from "./cache/store.ts";
import type { DataRecipe } from "./recipe/schema.ts";

/** The networks that a run trains, one after the other: those that teach the student first, the baseline last. */
export type Phase = "student" | "baseline" | `assistant-${number}` | `generation-${number}`;

export interface ProgressEvents {
  /** A line about what begins. */
  readonly onStage?: (text: string) => void;
  /** A line about what did not go as asked, though the run goes on. */
  readonly onNotice?: (text: string) => void;
  /** Another image has been decoded, or looked at, before the run. */
  readonly onDecode?: (event: Progress) => void;
  /** The teacher has labelled another batch for the cache; each view of a sample counts. */
  readonly onLabel?: (event: Progress) => void;
  readonly onStep?: (phase: Phase, event: StepEvent) => void;
  readonly onEpoch?: (phase: Phase, event: EpochEvent) => void | Promise<void>;
}

/** What a run needs from where it runs: Node, a browser, a test. */
export interface Environment {
  readonly runtime: Runtime;
  /** Opens the recipe's data. */
  readonly openData: (data: DataRecipe) => Promise<Splits>;
  /** Makes the training batches; on the spot unless given. */
  readonly openLoader?: OpenLoader;
  /**
   * Reads an ONNX or safetensors file that the recipe names; a model's weights, where they lie in other files, are inside of what comes
   * back.
   */
  readonly readFile: (path: string) => Promise<Uint8Array>;
  /** Called before each phase, when what it needs has been checked: what a run leaves behind is made here at the earliest. */
  readonly begin?: () => Promise<void>;
  /** Where the progress of each phase, and of each stage that has a name, is kept; without it nothing is saved. */
  readonly checkpoints?: (phase: Phase, stage?: string) => CheckpointStore;
  /** How often a phase is saved within an epoch; a minute unless given. */
  readonly checkpointSeconds?: number;
  /** Keeps a file that the run leaves behind before it ends, in place of one of this name. */
  readonly keepFile?: (name: string, bytes: Uint8Array) => Promise<void>;
  /** Where the teacher's outputs are cached; without it they are not. */
  readonly shards?: ShardStore;
  readonly events?: ProgressEvents;
}
