import type { ImageItems, ImageItemsSource } from "../image-items.ts";
import { openFileItems } from "./file-items.ts";
import { openParquetItems } from "./parquet-items.ts";
import { openWebDatasetItems } from "./webdataset.ts";

/** The items that a source describes: those of another thread, without looking at their files again. */
export function openImageItems(source: ImageItemsSource): ImageItems {
  if ("files" in source) return openFileItems(source.files);
  return "parquet" in source ? openParquetItems(source.parquet) : openWebDatasetItems(source.webDataset);
}
