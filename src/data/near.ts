import type { Samples } from "./samples.ts";

/** Samples of which only those that a batch needs are in memory. */
export interface Near {
  /** Can be read as long as they are shown; all of them always, where all are in memory. */
  readonly samples: Samples;
  /** Brings samples into memory. Absent where all are there. */
  readonly fetch?: Samples["fetch"];
  /** From now on these are the samples that can be read, under the numbers that they have among all. */
  show(indices: Uint32Array, brought: Samples): void;
}

export function near(samples: Samples): Near {
  const { fetch } = samples;
  if (!fetch) return { samples, show: () => {} };
  let shown = samples;
  const places = new Map<number, number>();
  const place = (index: number) => places.get(index) as number;
  return {
    fetch,
    samples: {
      ...samples,
      read: (index, out) => shown.read(place(index), out),
      bytes: samples.bytes && ((index) => (shown.bytes as NonNullable<Samples["bytes"]>)(place(index))),
    },
    show: (indices, brought) => {
      shown = brought;
      places.clear();
      indices.forEach((index, row) => places.set(index, row));
    },
  };
}
