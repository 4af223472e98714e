import fc from "fast-check";
import { expect, it } from "vitest";
import { int, ints, string } from "../../graph/attributes.ts";
import { graphBuilder } from "../../graph/builder/builder.ts";
import type { Value } from "../../graph/graph.ts";
import { float32, int64 } from "../../graph/tensor.ts";
import { nodeRuntime } from "../../runtime/node.ts";
import { gradientMismatches } from "../finite-differences.ts";
import { gradient } from "../gradient.ts";

const resized = fc.record({
  mode: fc.constantFrom("nearest", "linear", "cubic"),
  transformation: fc.constantFrom("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"),
  rounding: fc.constantFrom("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
  height: fc.tuple(fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 20 })),
  width: fc.tuple(fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 20 })),
  isByScale: fc.boolean(),
});

it("agrees with finite differences for any sizes, scales and ways of interpolating", async () => {
  const runtime = nodeRuntime({ threads: 1 });
  const property = fc.asyncProperty(resized, async ({ mode, transformation, rounding, height, width, isByScale }) => {
    // There the runtime rounds whole positions its own way, to the element before.
    fc.pre(mode !== "nearest" || transformation !== "half_pixel_symmetric");
    const target = [height, width].map(([from, to]) => (isByScale ? to / from : to));
    const mismatches = await gradientMismatches(runtime, {
      name: "Resize",
      inputs: [{ shape: [1, 1, height[0], width[0]] }],
      build: (g, x) => {
        const where = isByScale ? [g.constant(float32(target))] : [undefined, g.constant(int64(target))];
        const attributes = {
          mode: string(mode),
          coordinate_transformation_mode: string(transformation),
          nearest_mode: string(rounding),
          axes: ints([2, 3]),
        };
        return g.emit("Resize", [x, undefined, ...where], { attributes })[0] as Value;
      },
    });
    expect(mismatches).toEqual([]);
  });
  await fc.assert(property, { numRuns: 100 });
}, 30_000);

it("refuses antialiasing, naming the node", () => {
  const g = graphBuilder("smooth");
  const x = g.input("x", "float32", [1, 1, 4, 4]);
  const scales = g.constant(float32([1, 1, 0.5, 0.5]));
  const attributes = { mode: string("linear"), antialias: int(1) };
  g.output(g.reduceSum(g.emit("Resize", [x, undefined, scales], { attributes, name: "shrink" })[0] as Value), "loss");
  expect(() => gradient(g.build(), "loss", ["x"])).toThrow('No gradient rule for Resize "shrink" with antialias');
});

it("refuses to crop by what is known only at run time", () => {
  const g = graphBuilder("crop");
  const [x, roi] = [g.input("x", "float32", [1, 1, 4, 4]), g.input("roi", "float32", [8])];
  const attributes = { coordinate_transformation_mode: string("tf_crop_and_resize"), mode: string("linear") };
  const inputs = [x, roi, undefined, g.constant(int64([1, 1, 2, 2]))];
  g.output(g.reduceSum(g.emit("Resize", inputs, { attributes, name: "crop" })[0] as Value), "loss");
  expect(() => gradient(g.build(), "loss", ["x"])).toThrow(
    'No gradient rule for Resize "crop" whose input 1, "roi", is known only at run time',
  );
});
