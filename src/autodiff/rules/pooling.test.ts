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
    spare: fc.integer({ min: 0, max: 5 }),
  })
  .map((drawn) => {
    // The runtime wants pads smaller than the kernel, and every window must meet an element.
    const [begin, end] = [Math.min(drawn.begin, drawn.kernel - 1), Math.min(drawn.end, drawn.kernel - 1)];
    return { ...drawn, begin, end, size: drawn.dilation * (drawn.kernel - 1) + 1 + drawn.spare };
  });

/**
 * Whether ceil mode adds a window that would start in the end padding: it doesn't count, but ONNX's own shape inference counts it, and the
 * runtime then refuses what follows.
 */
const startsInPadding = ({ kernel, stride, dilation, begin, end, size }: Axis): boolean =>
  Math.ceil((size + begin + end - dilation * (kernel - 1) - 1) / stride) * stride >= size + begin;
type Axis = typeof axis extends fc.Arbitrary<infer T> ? T : never;

it.each(["MaxPool", "AveragePool", "LpPool"])(
  "%s agrees with finite differences for any windows, in one to three dimensions",
  async (op) => {
    const runtime = nodeRuntime({ threads: 1 });
    const property = fc.asyncProperty(
      fc.array(axis, { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      fc.boolean(),
      async (axes, ceil, counted) => {
        fc.pre(!ceil || !axes.some(startsInPadding));
        const attributes = {
          kernel_shape: ints(axes.map(({ kernel }) => kernel)),
          strides: ints(axes.map(({ stride }) => stride)),
          dilations: ints(axes.map(({ dilation }) => dilation)),
          pads: ints([...axes.map(({ begin }) => begin), ...axes.map(({ end }) => end)]),
          ceil_mode: int(Number(ceil)),
          ...(op === "AveragePool" ? { count_include_pad: int(Number(counted)) } : {}),
        };
        const x = { shape: [1, 2, ...axes.map(({ size }) => size)], distinct: true, range: [-40, 40] as const };
        expect(await gradientMismatches(runtime, operator(op, [x], attributes))).toEqual([]);
      },
    );
    await fc.assert(property, { numRuns: 60 });
  },
  30_000,
);
