import { LimbeckError } from "../../errors.ts";
import type { ImageItems } from "../image-items.ts";

/** Images that are read and decoded at a time: enough to keep Node's threads busy. */
const AT_ONCE = 16;

export interface EachImage {
  /** The encoded image at a place of `indices`. */
  readonly use: (bytes: Uint8Array, place: number, where: string) => Promise<void>;
  /** Is told what can't be read or used; unless given, the first of them ends it all. */
  readonly onUnreadable?: (index: number, error: LimbeckError) => void;
  readonly onDone?: () => void;
}

/** Reads images, several at once. @throws LimbeckError for the first image that can't be used, the same one each time. */
export async function eachImage(items: ImageItems, indices: Uint32Array, { use, onUnreadable, onDone }: EachImage): Promise<void> {
  let next = 0;
  const failures: { readonly place: number; readonly error: unknown }[] = [];
  const work = async (): Promise<void> => {
    while (failures.length === 0 && next < indices.length) {
      const place = next++;
      const index = indices[place] as number;
      try {
        await use(await items.encoded(index), place, items.where(index));
      } catch (error) {
        if (onUnreadable && error instanceof LimbeckError) onUnreadable(index, error);
        else failures.push({ place, error });
      }
      onDone?.();
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, indices.length) }, work));
  const [first] = failures.sort((a, b) => a.place - b.place);
  if (first) throw first.error;
}
