import { expect, it } from "vitest";
import { decodeImage } from "./decode-image.ts";
import { tiffOfFiveChannels } from "./images.fixture.ts";

it("refuses an image with more channels than colours and transparency, rather than write beyond its place", async () => {
  const decoded = decodeImage(tiffOfFiveChannels(4, 4), { size: 4, channels: 3, fit: "cover" }, "a.tif");
  await expect(decoded).rejects.toMatchObject({
    message: "The image cannot be decoded: it has channels beside its colours.",
    where: "a.tif",
  });
});
