import type { ImageItems, ImageItemsSource } from "../image-items.ts";
import { openFileItems } from "./file-items.ts";
import { openWebDatasetItems } from "./webdataset.ts";

/** The items that a source describes: those of another thread, without looking at their files again. */
export function openImageItems(source: ImageItemsSource): ImageItems {
  return "files" in source ? openFileItems(source.files) : openWebDatasetItems(source.webDataset);
}
