import { elementCount } from "../../graph/tensor.ts";
import { memorySamples, type Samples, type StreamedImages } from "../samples.ts";
import { decodedShape, decodeImage } from "./decode-image.ts";
import { eachImage } from "./each-image.ts";
import { openImageItems } from "./open-items.ts";

/** Samples of images that are read and decoded whenever they are fetched. */
export function streamedSamples(images: StreamedImages): Samples {
  const { items: source, decoding } = images;
  const items = openImageItems(source);
  const { name, length, classes, label } = items;
  const sampleShape = decodedShape(decoding);
  const notThere = (): never => {
    throw new Error(`Samples of ${name} were read without being fetched.`);
  };
  return {
    name,
    length,
    sampleShape,
    classes,
    label,
    read: notThere,
    bytes: notThere,
    fetch: async (indices) => {
      const size = elementCount(sampleShape);
      const pixels = new Uint8Array(indices.length * size);
      await eachImage(items, indices, {
        use: async (bytes, place, where) => pixels.set(await decodeImage(bytes, decoding, where), place * size),
      });
      return memorySamples({ name, sampleShape, classes, pixels, labels: Int32Array.from(indices, label) });
    },
    source: { images },
  };
}
