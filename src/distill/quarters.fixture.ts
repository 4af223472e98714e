/** Test helper, not part of the package: data that small networks learn in no time. */
import { memorySamples, type Samples, type Splits } from "../data/samples.ts";

/** Two-channel images of four classes, told apart by which quarter of the first channel is bright. */
function quarters(count: number, salt: number): Samples {
  const pixels = Uint8Array.from({ length: count * 32 }, (_, i) => {
    const [sample, channel, y, x] = [Math.floor(i / 32), Math.floor((i % 32) / 16), Math.floor((i % 16) / 4), i % 4];
    const quarter = 2 * Number(y > 1) + Number(x > 1);
    return 60 + 30 * Math.sin(i * 2.3 + salt) + (channel === 0 && quarter === sample % 4 ? 120 : 0);
  });
  return memorySamples({
    name: "quarters",
    sampleShape: [2, 4, 4],
    classes: ["top left", "top right", "bottom left", "bottom right"],
    pixels,
    labels: Uint8Array.from({ length: count }, (_, index) => index % 4),
  });
}

export const splits: Splits = { train: quarters(64, 0), validation: quarters(16, 1), test: quarters(24, 2) };
