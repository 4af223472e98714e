import { LimbeckError } from "../../errors.ts";
import type { ImageItems, ParquetPage, ParquetSource } from "../image-items.ts";
import { readSpans } from "./file-bytes.ts";
import { MOST_IMAGE_BYTES } from "./file-items.ts";
import { pageValues } from "./parquet-pages.ts";

/** Of decompressed pages, which are kept for the images beside those that were asked for. */
const MOST_KEPT_BYTES = 64 * 2 ** 20;

/** The items that `openParquet` found, without looking through the files again. */
export function openParquetItems(source: ParquetSource): ImageItems {
  const { name, classes, labels, fingerprint, files, pages } = source;
  const fileOf = ({ file }: ParquetPage) => files[file] as ParquetSource["files"][number];
  const where = (index: number): string => {
    const { path, first } = fileOf(pageOf(pages, index));
    return `${path}, row ${index - first}`;
  };
  const valuesOf = keepRecent(MOST_KEPT_BYTES, async (page: ParquetPage) => {
    const { path, optional } = fileOf(page);
    const bytes = await readSpans(path, ...(page.dictionary ? [page.dictionary] : []), page.span);
    return pageValues(bytes.buffer, page, { optional, type: "BYTE_ARRAY" }, false, where(page.first));
  });
  return {
    name,
    length: labels.length,
    classes,
    fingerprint,
    source: { parquet: source },
    label: (index) => labels[index] as number,
    where,
    async encoded(index) {
      const page = pageOf(pages, index);
      const image = (await valuesOf(page))[index - page.first];
      if (!(image instanceof Uint8Array) || image.length === 0) {
        throw new LimbeckError("The row has no bytes of an image.", {
          where: where(index),
          hint: "Leave the row out, or store the image in it.",
        });
      }
      if (image.length > MOST_IMAGE_BYTES) {
        throw new LimbeckError(`The image has ${image.length} bytes, more than ${MOST_IMAGE_BYTES}.`, { where: where(index) });
      }
      // A copy: the image would keep its whole page in memory.
      return image.slice();
    },
  };
}

/** The page that has the row of an image. */
function pageOf(pages: readonly ParquetPage[], index: number): ParquetPage {
  let [low, high] = [0, pages.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((pages[middle] as ParquetPage).first <= index) low = middle;
    else high = middle - 1;
  }
  return pages[low] as ParquetPage;
}

/** Reads pages, each once as long as it is among the last asked for; of those that are kept, the sizes sum to at most `mostBytes`. */
function keepRecent<T>(mostBytes: number, read: (page: ParquetPage) => Promise<T>): (page: ParquetPage) => Promise<T> {
  const kept = new Map<ParquetPage, Promise<T>>();
  let bytes = 0;
  const forget = (page: ParquetPage) => {
    if (kept.delete(page)) bytes -= page.size;
  };
  return (page) => {
    const known = kept.get(page);
    forget(page);
    const values = known ?? read(page);
    if (!known) values.catch(() => forget(page));
    kept.set(page, values);
    bytes += page.size;
    for (const oldest of kept.keys()) {
      if (bytes <= mostBytes || oldest === page) break;
      forget(oldest);
    }
    return values;
  };
}
