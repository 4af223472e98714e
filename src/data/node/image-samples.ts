import { createHash } from "node:crypto";
import { LimbeckError } from "../../errors.ts";
import { elementCount } from "../../graph/tensor.ts";
import type { Decoding, ImageOptions } from "../data-source.ts";
import type { ImageItems } from "../image-items.ts";
import type { Progress } from "../progress.ts";
import { memorySamples, type Samples, subset } from "../samples.ts";
import { checkImage, decodedShape, decodeImage, decoderVersion, UNREADABLE_HINT } from "./decode-image.ts";
import { type EachImage, eachImage } from "./each-image.ts";
import { streamedSamples } from "./streamed-samples.ts";

/** What was found of images: those that can't be read, and the decoded ones. */
export interface FoundImages {
  /** In their order, each with what is wrong. */
  readonly unreadable: readonly (readonly [index: number, where: string, reason: string])[];
  /** `[N, C, H, W]` of all others, in memory that threads share; empty where they were only looked at. */
  readonly pixels: Uint8Array;
}

/** Where what was found is kept for the next run. */
export interface ImageStore {
  /** Nothing, where there is nothing that is whole. */
  load(key: string): Promise<FoundImages | undefined>;
  save(key: string, found: FoundImages): Promise<void>;
}

export interface ImageEvents {
  /** A line about what begins. */
  readonly onStage?: (text: string) => void;
  /** A line about what did not go as asked. */
  readonly onNotice?: (text: string) => void;
  readonly onDecode?: (event: Progress) => void;
}

/** How images become samples. */
export interface ImageSetting {
  readonly options: Pick<ImageOptions, keyof Decoding | "unreadable">;
  /** Decoded once, or whenever they are needed. */
  readonly inMemory: boolean;
  readonly store?: ImageStore;
  readonly events?: ImageEvents;
}

/** To be raised when the same images would be decoded to other bytes. */
const GENERATION = 1;

/**
 * Images as samples. Each is looked at before: all of it where they are kept in memory, else its header.
 *
 * @returns The samples, and what was left out of them.
 * @throws LimbeckError for an image that can't be read, unless those are to be left out; and when that leaves none.
 */
export async function imageSamples(
  items: ImageItems,
  setting: ImageSetting,
): Promise<{ samples: Samples } & Pick<FoundImages, "unreadable">> {
  const { inMemory, options } = setting;
  const { size, channels, fit } = options;
  const decoding = { size, channels, fit };
  const { unreadable, pixels } = await found(items, inMemory ? decoding : undefined, setting);
  const [first] = unreadable;
  if (first && options.unreadable === "refuse") throw new LimbeckError(first[2], { where: first[1], hint: UNREADABLE_HINT });
  if (unreadable.length === items.length) {
    throw new LimbeckError(`None of the ${items.length} images can be decoded.`, { where: items.name, hint: first?.[2] });
  }
  const kept = othersThan(unreadable, items.length);
  if (!inMemory) {
    const all = streamedSamples({ items: items.source, decoding, decoder: await decoderVersion() });
    return { samples: unreadable.length === 0 ? all : subset(all, kept), unreadable };
  }
  const labels = Int32Array.from(kept, (index) => items.label(index));
  const { name, classes } = items;
  return { samples: memorySamples({ name, sampleShape: decodedShape(decoding), classes, pixels, labels }), unreadable };
}

/** What was found earlier, or else is found now and kept. @param decoding None: only headers are looked at. */
async function found(items: ImageItems, decoding: Decoding | undefined, { options, store, events }: ImageSetting): Promise<FoundImages> {
  const key = hashOf({ generation: GENERATION, decoder: await decoderVersion(), fingerprint: items.fingerprint, decoding });
  const known = await store?.load(key);
  if (known && isFoundIn(items, decoding, known)) return known;
  events?.onStage?.(decoding ? "Decoding the images" : "Checking the images");
  const fresh = await look(items, decoding, options.unreadable === "skip", events);
  await store?.save(key, fresh);
  return fresh;
}

function hashOf(description: object): string {
  return createHash("sha256").update(JSON.stringify(description)).digest("hex");
}

function isFoundIn({ length }: ImageItems, decoding: Decoding | undefined, { pixels, unreadable }: FoundImages): boolean {
  return pixels.length === (decoding ? (length - unreadable.length) * elementCount(decodedShape(decoding)) : 0);
}

async function look(items: ImageItems, decoding: Decoding | undefined, skip: boolean, events: ImageEvents = {}): Promise<FoundImages> {
  const size = decoding ? elementCount(decodedShape(decoding)) : 0;
  const pixels = sharedBytes(items.length * size);
  const use: EachImage["use"] = decoding
    ? async (bytes, place, where) => pixels.set(await decodeImage(bytes, decoding, where), place * size)
    : (bytes, _, where) => checkImage(bytes, where);
  const unreadable: (readonly [number, string, string])[] = [];
  const began = performance.now();
  let done = 0;
  await eachImage(items, allOf(items.length), {
    use,
    onUnreadable: skip ? (index, { message }) => unreadable.push([index, items.where(index), message]) : undefined,
    onDone: () => {
      done++;
      const samplesPerSecond = (1000 * done) / (performance.now() - began);
      events.onDecode?.({ done, total: items.length, samplesPerSecond, secondsLeft: (items.length - done) / samplesPerSecond });
    },
  });
  unreadable.sort(([a], [b]) => a - b);
  return { unreadable, pixels: closedUp(pixels, size, othersThan(unreadable, items.length)) };
}

function sharedBytes(length: number): Uint8Array {
  try {
    return new Uint8Array(new SharedArrayBuffer(length));
  } catch (cause) {
    throw new LimbeckError(`The decoded images need ${length} bytes of memory, which can't be had.`, {
      where: "data.memory",
      hint: "Lower it, so that images are decoded when they are needed.",
      cause,
    });
  }
}

/** The kept images moved together to the front. */
function closedUp(pixels: Uint8Array, size: number, kept: Uint32Array): Uint8Array {
  kept.forEach((index, place) => {
    if (index !== place) pixels.copyWithin(place * size, index * size, (index + 1) * size);
  });
  return pixels.subarray(0, kept.length * size);
}

function othersThan(unreadable: FoundImages["unreadable"], length: number): Uint32Array {
  const left = new Set(unreadable.map(([index]) => index));
  return allOf(length).filter((index) => !left.has(index));
}

const allOf = (length: number): Uint32Array => Uint32Array.from({ length }, (_, index) => index);
