import { toBinary } from "@bufbuild/protobuf";
import { type GraphProto, type ModelProto, ModelProtoSchema, type NodeProto, type TensorProto, TensorProto_DataLocation } from "onnx-buf";
import { LimbeckError } from "../../errors.ts";
import { decodeModel } from "./decode.ts";
import { PROTOBUF_LIMIT, tooLarge } from "./limits.ts";

/** Contents of the files that hold a model's weights, by the location that the model gives: a path relative to its own folder. */
export type ExternalFiles = ReadonlyMap<string, Uint8Array>;

/**
 * The locations of the files beside a model that hold its weights, each once; none for a model in one file.
 *
 * @throws LimbeckError when the bytes are no ONNX model, or a location is no path that stays within the model's folder.
 */
export function externalFiles(bytes: Uint8Array, source = "the ONNX model"): readonly string[] {
  return [...new Set(externalTensors(decodeModel(bytes, source), source).map(({ place }) => place.location))];
}

/**
 * The model in one file: as it is, with its weights inside. ONNX Runtime, given bytes, needs them so.
 *
 * @throws LimbeckError when a file is not given or too short, or the whole is more than one file can hold (2 GB).
 */
export function withExternalData(bytes: Uint8Array, files: ExternalFiles, source = "the ONNX model"): Uint8Array {
  const model = decodeModel(bytes, source);
  const tensors = externalTensors(model, source);
  if (tensors.length === 0) return bytes;
  const contents = tensors.map(({ place, where }) => slice(place, files, where));
  if (contents.reduce((total, { length }) => total + length, bytes.length) > PROTOBUF_LIMIT) throw tooLarge(source);
  tensors.forEach(({ tensor }, index) => {
    tensor.rawData = contents[index] as Uint8Array<ArrayBuffer>;
    tensor.dataLocation = TensorProto_DataLocation.DEFAULT;
    tensor.externalData = [];
  });
  return toBinary(ModelProtoSchema, model);
}

/** The bytes of a tensor that lies in a file of its own. @throws LimbeckError when the file is not given or too short. */
export function externalBytes(tensor: TensorProto, files: ExternalFiles, where: string): Uint8Array {
  return slice(placeOf(tensor, where), files, where);
}

interface Place {
  readonly location: string;
  /** In bytes from the start of the file. */
  readonly offset: number;
  /** In bytes; to the end of the file unless given. */
  readonly length: number | undefined;
}

function placeOf(tensor: TensorProto, where: string): Place {
  const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get("location") ?? "";
  const problem = problemOf(location);
  if (problem) throw new LimbeckError(`Weights lie in "${location}", ${problem}.`, { where, hint: "Save the model as one file." });
  const size = (key: string): number | undefined => {
    const text = entries.get(key);
    if (text === undefined) return undefined;
    if (!/^\d{1,15}$/.test(text)) throw new LimbeckError(`The ${key} "${text}" of external weights is no number of bytes.`, { where });
    return Number(text);
  };
  return { location, offset: size("offset") ?? 0, length: size("length") };
}

/** Why a location is not followed. Judged by the rules of all systems: the same model is refused everywhere. */
function problemOf(location: string): string | undefined {
  if (location === "" || location.includes("\0")) return "which is no path";
  if (/^([/\\]|[A-Za-z]:)/.test(location)) return "which is not relative to the model's folder";
  return location.split(/[/\\]/).includes("..") ? "which may lead out of the model's folder" : undefined;
}

function slice({ location, offset, length }: Place, files: ExternalFiles, where: string): Uint8Array {
  const file = files.get(location);
  if (!file) {
    throw new LimbeckError(`The model's weights lie in another file, "${location}", which was not given.`, {
      where,
      hint: "Give its content among the files, or save the model as one file.",
    });
  }
  const end = length === undefined ? file.length : offset + length;
  if (offset > file.length || end > file.length) {
    throw new LimbeckError(
      `"${location}" ends before these weights do: it has ${file.length} bytes, they end at ${Math.max(offset, end)}.`,
      {
        where,
        hint: "Check that the file is complete and belongs to the model.",
      },
    );
  }
  return file.subarray(offset, end);
}

interface ExternalTensor {
  readonly tensor: TensorProto;
  readonly place: Place;
  readonly where: string;
}

/** Every tensor of a model that lies in another file: initialisers and attributes, in graphs within graphs and in functions too. */
function externalTensors({ graph, functions }: ModelProto, source: string): ExternalTensor[] {
  const located = (tensors: readonly TensorProto[]): ExternalTensor[] =>
    tensors.filter(isExternal).map((tensor) => {
      const where = `${source}, tensor "${tensor.name}"`;
      return { tensor, place: placeOf(tensor, where), where };
    });
  const ofNode = (node: NodeProto): ExternalTensor[] =>
    node.attribute.flatMap(({ t, g }) => [...located(t ? [t] : []), ...(g ? ofGraph(g) : [])]);
  const ofGraph = ({ initializer, node }: GraphProto): ExternalTensor[] => [...located(initializer), ...node.flatMap(ofNode)];
  return [...(graph ? ofGraph(graph) : []), ...functions.flatMap(({ node }) => node.flatMap(ofNode))];
}

export function isExternal({ dataLocation }: TensorProto): boolean {
  return dataLocation === TensorProto_DataLocation.EXTERNAL;
}
