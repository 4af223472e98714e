import { readFile, realpath, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import { LimbeckError } from "../errors.ts";
import type { Graph } from "../graph/graph.ts";
import { externalFiles, withExternalData } from "../graph/onnx/external-data.ts";
import { readOnnx } from "../graph/onnx/read.ts";
import { fileError, readBytes } from "./files.ts";

/** All files of a model together: what ONNX Runtime takes as bytes is one protobuf message, which holds no more. */
const MOST_BYTES = 2 ** 31 - 1;

/** An ONNX file, with the weights that lie in files beside it. @throws LimbeckError as `readOnnxBytes` and `readOnnx` do. */
export async function readOnnxFile(path: string): Promise<{ readonly graph: Graph; readonly bytes: Uint8Array }> {
  const bytes = await readOnnxBytes(path);
  return { graph: readOnnx(bytes, path), bytes };
}

/**
 * The bytes of an ONNX file with all its weights inside, as ONNX Runtime takes them; the file's own where it is one file. Sizes and hashes
 * of them are those of the whole model.
 *
 * @param source What to call the file in messages.
 * @throws LimbeckError when a file is missing or cut short, when together they have 2 GB or more, or when the model names a file that
 * doesn't lie in its own folder: by an absolute path, by `..`, or through a link.
 */
export async function readOnnxBytes(path: string, source = path): Promise<Uint8Array> {
  const bytes = await readBytes(path);
  const files = new Map<string, Uint8Array>();
  let total = bytes.length;
  for (const location of externalFiles(bytes, source)) {
    const file = await weightsFile(path, location);
    total += file.size;
    if (total > MOST_BYTES) throw new LimbeckError("The model's weights are larger than one ONNX file can be (2 GB).", { where: path });
    files.set(location, await readFile(file.path).catch((error: unknown) => Promise.reject(fileError(error, file.path))));
  }
  return withExternalData(bytes, files, source);
}

/** Where a model's weights really lie. @throws LimbeckError when that isn't a file in the folder of the model. */
async function weightsFile(model: string, location: string): Promise<{ readonly path: string; readonly size: number }> {
  const named = join(dirname(model), location);
  try {
    const path = await realpath(named);
    // A model that is a link itself may have its weights beside what it links to: so does the cache of Hugging Face keep them.
    const folders = [await realpath(dirname(model)), dirname(await realpath(model))];
    if (!folders.some((folder) => isWithin(folder, path))) {
      throw new LimbeckError("The model's weights lie in a file outside of its folder.", {
        where: `${model}, which names "${location}"`,
        hint: "Put the file itself, not a link, beside the model.",
      });
    }
    const status = await stat(path);
    if (!status.isFile()) throw new LimbeckError("The model's weights should lie in a file, and this is none.", { where: named });
    return { path, size: status.size };
  } catch (error) {
    if (error instanceof LimbeckError) throw error;
    const explained = fileError(error, named);
    throw new LimbeckError(
      `The model's weights lie in another file, which can't be read. ${explained instanceof Error ? explained.message : String(explained)}`,
      { where: named, hint: "Keep the files of a model in one folder, under the names that they were saved by.", cause: error },
    );
  }
}

function isWithin(folder: string, path: string): boolean {
  const steps = relative(folder, path);
  return steps !== "" && !isAbsolute(steps) && steps.split(sep)[0] !== "..";
}
