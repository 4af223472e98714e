import type { NodeTiming } from "../runtime/runtime.ts";
import type { LayerProfile } from "./profile.ts";

/** What a layer takes when the network runs. */
export interface LayerLatency {
  readonly layer: LayerProfile;
  readonly milliseconds: number;
}

/**
 * Adds up the time of the runtime's nodes by layer, in the order of the layers.
 *
 * @returns `rest` is what nodes take that are no layer's: the runtime's own changes of layout, and others that it has renamed.
 */
export function latencyByLayer(
  layers: readonly LayerProfile[],
  timings: readonly NodeTiming[],
): { readonly layers: readonly LayerLatency[]; readonly rest: number } {
  const layerOf = new Map(layers.flatMap((layer) => [...layer.nodes, ...layer.values].map((name) => [name, layer] as const)));
  const totals = new Map<LayerProfile, number>();
  let rest = 0;
  for (const { name, milliseconds } of timings) {
    const layer = layerOf.get(name);
    if (layer) totals.set(layer, (totals.get(layer) ?? 0) + milliseconds);
    else rest += milliseconds;
  }
  return { layers: layers.map((layer) => ({ layer, milliseconds: totals.get(layer) ?? 0 })), rest };
}
