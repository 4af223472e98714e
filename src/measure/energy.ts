import type { Graph } from "../graph/graph.ts";
import { pruneDead } from "../graph/rewrite/prune.ts";
import { type ElementType, elementCount } from "../graph/tensor.ts";
import type { Profile } from "./profile.ts";

/** What a network's numbers are, as far as the energy of its arithmetic goes. */
export type NumberFormat = "float32" | "float16" | "int8";

/**
 * Picojoules, of a process of 45 nm at 0.9 V: M. Horowitz, 2014, "Computing's energy problem (and what we can do about it)", ISSCC, figure
 * 1.1.9. Products in int8 are added up in 32 bits.
 */
const arithmetic: Readonly<Record<NumberFormat, { readonly multiply: number; readonly add: number }>> = {
  float32: { multiply: 3.7, add: 0.9 },
  float16: { multiply: 1.1, add: 0.4 },
  int8: { multiply: 0.2, add: 0.1 },
};
const bytesOf: Readonly<Record<NumberFormat, number>> = { float32: 4, float16: 2, int8: 1 };

/** Picojoules per byte. 64 bits take 1.3 to 2.6 nJ from DRAM, and 100 pJ from a cache of 1 MB (same source). */
const DRAM = (1300 + 2600) / 2 / 8;
const CACHE = 100 / 8;

/** Joules of one sample's forward pass, and what they go into. */
export interface EnergyEstimate {
  readonly joules: number;
  readonly arithmetic: number;
  readonly weights: number;
  readonly activations: number;
  readonly format: NumberFormat;
}

/**
 * What a forward pass of one sample would take at the published cost of its operations:
 *
 *     E = MACs·(e_multiply + e_add) + other FLOPs·e_add + weight bytes·e_DRAM + 2·activation bytes·e_cache
 *
 * Each weight comes from DRAM once; what a node gives is written to the cache once and read from it once, in the network's number format.
 * Fetching instructions, moving data between other levels, waiting and leaking are left out, and they are most of what a CPU draws: its
 * joules are many times as many. What the numbers are for is to compare networks.
 */
export function estimateEnergy(profile: Profile, format: NumberFormat): EnergyEstimate {
  const { multiply, add } = arithmetic[format];
  const others = profile.flops - 2 * profile.macs;
  // The profile is of the canonical form, which is in float32 throughout.
  const given = profile.nodes.reduce((total, { flops, activationBytes }) => total + (flops > 0 ? activationBytes : 0), 0);
  const parts = {
    arithmetic: (1e-12 * (profile.macs * (multiply + add) + others * add)) / profile.batch,
    weights: 1e-12 * profile.weightBytes * DRAM,
    activations: (1e-12 * 2 * given * (bytesOf[format] / bytesOf.float32) * CACHE) / profile.batch,
  };
  return { joules: parts.arithmetic + parts.weights + parts.activations, ...parts, format };
}

/** The format that most weights of a model are stored in; float32 for a model without any. */
export function numberFormatOf(model: Graph): NumberFormat {
  const counts = { float32: 0, float16: 0, int8: 0 };
  for (const { type, shape } of pruneDead(model).initializers.values()) {
    const format = storedAs[type];
    if (format) counts[format] += elementCount(shape);
  }
  return formats.reduce((most, format) => (counts[format] > counts[most] ? format : most));
}

const formats = ["float32", "float16", "int8"] as const;
const storedAs: Readonly<Partial<Record<ElementType, NumberFormat>>> = {
  float32: "float32",
  float16: "float16",
  bfloat16: "float16",
  int8: "int8",
  uint8: "int8",
};
