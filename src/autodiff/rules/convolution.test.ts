import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { int, ints } from "../../graph/attributes.ts";
import type { Attributes } from "../../graph/graph.ts";
import { nodeRuntime } from "../../runtime/node.ts";
import { type GradientCase, gradientMismatches } from "../finite-differences.ts";
import { operator } from "./elementwise.cases.ts";

const axis = fc
  .record({
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    begin: fc.integer({ min: 0, max: 2 }),
    end: fc.integer({ min: 0, max: 2 }),
    spare: fc.integer({ min: 0, max: 4 }),
  })
  // Room for one window at least, and up to four elements more.
  .map((drawn) => ({ ...drawn, size: Math.max(1, drawn.dilation * (drawn.kernel - 1) + 1 - drawn.begin - drawn.end) + drawn.spare }));

const convolution = fc.record({
  axes: fc.array(axis, { minLength: 1, maxLength: 3 }),
  batch: fc.integer({ min: 1, max: 2 }),
  group: fc.integer({ min: 1, max: 3 }),
  channelsPerGroup: fc.integer({ min: 1, max: 2 }),
  filtersPerGroup: fc.integer({ min: 1, max: 2 }),
});

type Drawn = typeof convolution extends fc.Arbitrary<infer T> ? T : never;

const attributesOf = ({ axes, group }: Drawn): Attributes => ({
  group: int(group),
  strides: ints(axes.map(({ stride }) => stride)),
  dilations: ints(axes.map(({ dilation }) => dilation)),
  pads: ints([...axes.map(({ begin }) => begin), ...axes.map(({ end }) => end)]),
});

const range = [-1, 1] as const;

/** Checks the rule of the operator that `make` gives for 60 drawn convolutions. */
async function holdsForAny(make: (drawn: Drawn) => GradientCase): Promise<void> {
  const runtime = nodeRuntime({ threads: 1 });
  const property = fc.asyncProperty(convolution, async (drawn) => {
    expect(await gradientMismatches(runtime, make(drawn))).toEqual([]);
  });
  await fc.assert(property, { numRuns: 60 });
}

describe("agrees with finite differences for any strides, dilations, pads and groups, in one to three dimensions", () => {
  it("Conv", async () => {
    await holdsForAny((drawn) => {
      const { axes, batch, group, channelsPerGroup, filtersPerGroup } = drawn;
      const filters = group * filtersPerGroup;
      const x = [batch, group * channelsPerGroup, ...axes.map(({ size }) => size)];
      const w = [filters, channelsPerGroup, ...axes.map(({ kernel }) => kernel)];
      return operator("Conv", [{ shape: x, range }, { shape: w, range }, [filters]], attributesOf(drawn));
    });
  }, 30_000);

  it("ConvTranspose", async () => {
    await holdsForAny((drawn) => {
      const { axes, batch, group, channelsPerGroup, filtersPerGroup } = drawn;
      // As large as the convolution's output, and no smaller than what the pads cut off.
      const sizes = axes.map(({ kernel, dilation, stride, begin, end, spare }) => {
        return 1 + Math.ceil(Math.max(0, begin + end - dilation * (kernel - 1)) / stride) + (spare % 3);
      });
      const x = [batch, group * channelsPerGroup, ...sizes];
      const w = [group * channelsPerGroup, filtersPerGroup, ...axes.map(({ kernel }) => kernel)];
      const extra = axes.map(({ spare, stride }) => spare % stride);
      const attributes = { ...attributesOf(drawn), output_padding: ints(extra) };
      return operator("ConvTranspose", [{ shape: x, range }, { shape: w, range }, [group * filtersPerGroup]], attributes);
    });
  }, 30_000);
});
