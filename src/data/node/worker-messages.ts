import { LimbeckError } from "../../errors.ts";
import type { BatchBuffers } from "../batches.ts";
import type { LoaderOptions } from "../loader.ts";
import type { SamplesSource } from "../samples.ts";

/** What a worker that makes batches is started with. */
export interface WorkerSetup {
  readonly source: SamplesSource;
  readonly options: LoaderOptions;
}

/** Asks for a batch. The buffers are moved to the worker and come back filled; nothing is copied. */
export interface BatchRequest {
  readonly epoch: number;
  readonly step: number;
  readonly buffers: BatchBuffers;
}

export interface MadeBatch {
  readonly buffers: BatchBuffers;
  readonly indices: Uint32Array;
  readonly view: number;
}

/** What a worker says: first that it is ready, then an answer to each request in turn. After a failure it says nothing more. */
export type WorkerMessage = { readonly ready: true } | { readonly made: MadeBatch } | { readonly failure: PackedError };

/** An error in a form that arrives whole: of an error of another class than JavaScript's own, only the message would. */
export type PackedError = { readonly error: unknown } | { readonly limbeck: Pick<LimbeckError, "message" | "where" | "hint" | "exitCode"> };

export function packError(error: unknown): PackedError {
  if (!(error instanceof LimbeckError)) return { error };
  const { message, where, hint, exitCode } = error;
  return { limbeck: { message, where, hint, exitCode } };
}

export function unpackError(packed: PackedError): unknown {
  return "limbeck" in packed ? new LimbeckError(packed.limbeck.message, packed.limbeck) : packed.error;
}

/** What is moved when buffers are sent. */
export function memoryOf({ inputs, labels, partners }: BatchBuffers): ArrayBuffer[] {
  return [inputs.buffer, labels.buffer, ...(partners ? [partners.labels.buffer, partners.share.buffer] : [])];
}
