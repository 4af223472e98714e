import type { Sharp, SharpOptions } from "sharp";
import { LimbeckError } from "../../errors.ts";
import type { Decoding } from "../data-source.ts";
import type { ImageShape } from "../placement.ts";

/** More are refused before they are decoded: a file of some hundred bytes can claim to hold any number. */
const MOST_PIXELS = 1e8;

/** Formats by their first bytes. Others that the decoder knows, such as SVG, are programs rather than images. */
const formats: readonly (readonly [start: number, magic: RegExp])[] = [
  [0, /^\xff\xd8\xff/],
  [0, /^\x89PNG\r\n/],
  [0, /^RIFF....WEBP/s],
  [0, /^GIF8[79]a/],
  [0, /^(II[*+]\0|MM\0[*+])/],
  [4, /^ftyp(avif|avis|mif1|msf1|miaf)/],
];

/** `[C, H, W]` */
export function decodedShape({ size, channels }: Decoding): ImageShape {
  const [height, width] = typeof size === "number" ? [size, size] : size;
  return [channels, height, width];
}

/**
 * An encoded image as bytes `[C, H, W]`: upright (EXIF), in sRGB or as grey levels of 8 bits, the first one of an animation, what is
 * transparent on black; then brought to its size (Lanczos where it shrinks), about the centre.
 *
 * @param where What it is called in messages.
 * @throws LimbeckError when it is no image, damaged, cut short, or has more than 100 megapixels.
 */
export async function decodeImage(bytes: Uint8Array, decoding: Decoding, where: string): Promise<Uint8Array> {
  const shape = decodedShape(decoding);
  const [channels, height, width] = shape;
  const fit = decoding.fit === "stretch" ? "fill" : decoding.fit;
  const decoded = await reading(bytes, where, (image) =>
    image
      .resize({ width, height, fit, background: "#000" })
      .flatten({ background: "#000" })
      .toColourspace(channels === 1 ? "b-w" : "srgb")
      .raw({ depth: "uchar" })
      .toBuffer(),
  );
  return channelsFirst(decoded, shape);
}

/** Reads no more than an image's header. @throws LimbeckError as `decodeImage`, as far as the header shows it. */
export async function checkImage(bytes: Uint8Array, where: string): Promise<void> {
  await reading(bytes, where, (image) => image.metadata());
}

/** Other versions may decode to other bytes. */
export async function decoderVersion(): Promise<string> {
  const { default: sharp } = await import("sharp");
  return `sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}`;
}

export const UNREADABLE_HINT = "Get it again or take it out of the data; `unreadable: skip` leaves out all that can't be decoded.";

const options: SharpOptions = { failOn: "error", limitInputPixels: MOST_PIXELS, sequentialRead: true, autoOrient: true, pages: 1 };

async function reading<T>(bytes: Uint8Array, where: string, read: (image: Sharp) => Promise<T>): Promise<T> {
  const fault = faultIn(bytes);
  if (fault) throw unreadable(fault, where);
  const { default: sharp } = await import("sharp");
  // Many images are decoded at once, each on one thread, and none twice.
  sharp.concurrency(1);
  sharp.cache(false);
  try {
    return await read(sharp(bytes, options));
  } catch (cause) {
    throw unreadable(reasonOf(cause as Error), where, cause);
  }
}

/** What is wrong with an image, as far as it shows without decoding it. */
function faultIn(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return "it is empty";
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(32, bytes.length)).toString("latin1");
  if (!formats.some(([start, magic]) => magic.test(head.slice(start)))) return "it is no JPEG, PNG, WebP, GIF, TIFF or AVIF";
  // The decoder stops at the last row of a PNG, whether or not the file does.
  const end = head.startsWith("\x89PNG") ? "IEND" : head.startsWith("\xff\xd8") ? "\xff\xd9" : "";
  const isCut = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).lastIndexOf(end, undefined, "latin1") < 0;
  return isCut ? "it is cut short" : undefined;
}

/** What the decoder says besides may be about another image that is decoded at the same time. */
function reasonOf({ message }: Error): string {
  return message.includes("pixel limit") ? `it has more than ${MOST_PIXELS / 1e6} megapixels` : "it is damaged";
}

function unreadable(reason: string, where: string, cause?: unknown): LimbeckError {
  return new LimbeckError(`The image cannot be decoded: ${reason}.`, {
    where,
    hint: UNREADABLE_HINT,
    cause,
  });
}

/** From `[H, W, C]` to `[C, H, W]`. */
function channelsFirst(pixels: Uint8Array, [channels, height, width]: ImageShape): Uint8Array {
  if (channels === 1) return pixels;
  const area = height * width;
  const planes = new Uint8Array(pixels.length);
  for (let channel = 0; channel < channels; channel++) {
    const plane = channel * area;
    for (let pixel = 0, source = channel; pixel < area; pixel++, source += channels) planes[plane + pixel] = pixels[source] as number;
  }
  return planes;
}
