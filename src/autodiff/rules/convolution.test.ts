import fc from "fast-check";
import { expect, it } from "vitest";
import { int, ints } from "../../graph/attributes.ts";
import { nodeRuntime } from "../../runtime/node.ts";
import { gradientMismatches } from "../finite-differences.ts";
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

it("agrees with finite differences for any strides, dilations, pads and groups, in one to three dimensions", async () => {
  const runtime = nodeRuntime({ threads: 1 });
  await fc.assert(
    fc.asyncProperty(convolution, async ({ axes, batch, group, channelsPerGroup, filtersPerGroup }) => {
      const filters = group * filtersPerGroup;
      const test = operator(
        "Conv",
        [
          { shape: [batch, group * channelsPerGroup, ...axes.map(({ size }) => size)], range: [-1, 1] },
          { shape: [filters, channelsPerGroup, ...axes.map(({ kernel }) => kernel)], range: [-1, 1] },
          [filters],
        ],
        {
          group: int(group),
          strides: ints(axes.map(({ stride }) => stride)),
          dilations: ints(axes.map(({ dilation }) => dilation)),
          pads: ints([...axes.map(({ begin }) => begin), ...axes.map(({ end }) => end)]),
        },
      );
      expect(await gradientMismatches(runtime, test)).toEqual([]);
    }),
    { numRuns: 60 },
  );
}, 30_000);
