import { type Stats, stat as statCallback } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { LimbeckError } from "../../errors.ts";
import type { FileItemsSource, ImageItems } from "../image-items.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { stringAt } from "./packed-strings.ts";
import { sharedInt32 } from "./shared-memory.ts";

/** Of one encoded image. */
export const MOST_IMAGE_BYTES = 64 * 2 ** 20;
/** Files looked at together: enough to keep Node's threads busy. */
const AT_ONCE = 512;

const stat = promisify(statCallback);

export interface FileItemsOptions extends Omit<FileItemsSource, "fingerprint"> {
  /** Where an image is asked for, if its path does not say it: a row of a manifest. */
  readonly askedIn?: (index: number) => string;
}

/**
 * Images that are files of their own. The paths are opened as they are: whoever read them from somewhere has checked them.
 *
 * @throws LimbeckError when a file is missing or no file.
 */
export async function fileItems({ askedIn, ...options }: FileItemsOptions): Promise<ImageItems> {
  const { classes, root, paths, labels } = options;
  const fingerprint = fingerprintOf(classes, labels);
  for (let start = 0; start < labels.length; start += AT_ONCE) {
    const indices = Array.from({ length: Math.min(AT_ONCE, labels.length - start) }, (_, offset) => start + offset);
    const files = await Promise.all(indices.map((index) => imageFile(join(root, stringAt(paths, index)), () => askedIn?.(index))));
    for (const [offset, file] of files.entries()) fingerprint.add(stringAt(paths, start + offset), file);
  }
  return openFileItems({ ...options, labels: sharedInt32(labels), fingerprint: fingerprint.digest() });
}

/** The items that `fileItems` found, without looking for them again. */
export function openFileItems(source: FileItemsSource): ImageItems {
  const { name, root, paths, labels, classes, fingerprint } = source;
  const where = (index: number): string => join(root, stringAt(paths, index));
  return {
    name,
    length: labels.length,
    classes,
    fingerprint,
    source: { files: source },
    where,
    label: (index) => labels[index] as number,
    async encoded(index) {
      const path = where(index);
      try {
        const { size } = await stat(path);
        if (size > MOST_IMAGE_BYTES) {
          throw new LimbeckError(`The image has ${size} bytes, more than ${MOST_IMAGE_BYTES}.`, {
            where: path,
            hint: "Make it smaller, or leave it out of the data set.",
          });
        }
        return await readFile(path);
      } catch (cause) {
        if (cause instanceof LimbeckError) throw cause;
        throw new LimbeckError("The image cannot be read.", { where: path, hint: (cause as Error).message, cause });
      }
    },
  };
}

async function imageFile(path: string, askedIn: () => string | undefined): Promise<Stats> {
  const refuse = (message: string, hint: string, cause?: unknown): LimbeckError => {
    const place = askedIn();
    return new LimbeckError(message, { where: place ? `${path}, from ${place}` : path, hint, cause });
  };
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") throw refuse("There is no such image.", "Put it there, or leave it out of the data set.", cause);
    throw refuse("The image cannot be read.", cause.message, cause);
  });
  if (!found.isFile()) throw refuse("This is no file.", "An image is a file of its own.");
  return found;
}
