import type { z } from "zod";
import { LimbeckError } from "../errors.ts";

/** Where a job finds what it names. */
export interface JobContext {
  /** The directory that paths are relative to. */
  readonly relativeTo: string;
  /** The directory of teachers' outputs. */
  readonly cache: string;
  /** A store of files by their content: with one, nothing outside of it is read. */
  readonly store?: string;
}

/** What can be done as a job. */
export interface JobKind<Result = unknown> {
  /** @throws LimbeckError when the input is none; and whatever the job throws. */
  perform(input: unknown, context: JobContext): Promise<Result>;
  /** A result that comes from elsewhere. @throws LimbeckError when it is none. */
  readResult(value: unknown): Result;
  /** Whether a process is afterwards as it was before. Sessions of onnxruntime-node that come and go leak (its issue 25325). */
  readonly leavesNothing: boolean;
}

/** Kinds of jobs by their names. */
export type JobKinds = Readonly<Record<string, JobKind>>;

/** What a kind of job is defined by. */
interface Definition<Input, Result> {
  readonly name: string;
  /** Checks what a job brings, which may come from anywhere. */
  readonly input: z.ZodType<Input>;
  readonly result: z.ZodType<Result>;
  /** A pure function: of the same input, in the same versions, it gives the same. */
  run(input: Input, context: JobContext): Promise<Result>;
  readonly leavesNothing?: boolean;
}

export function jobKind<Input, Result>({ name, input, result, run, leavesNothing = false }: Definition<Input, Result>): JobKind<Result> {
  const checked = <T>(schema: z.ZodType<T>, value: unknown, what: string): T => {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new LimbeckError(`A job of the kind "${name}" has ${what} that is none: ${issue?.message}.`, { where: issue?.path.join(".") });
  };
  const readResult = (value: unknown): Result => checked(result, value, "a result");
  return {
    perform: async (given, context) => readResult(await run(checked(input, given, "an input"), context)),
    readResult,
    leavesNothing,
  };
}
