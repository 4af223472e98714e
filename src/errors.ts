/**
 * A mistake in what the user gave: a file, a recipe, an option, a model.
 *
 * The command line prints `message`, `where` and `hint` and exits with `exitCode`; it never prints a stack trace for one of these.
 */
export class LimbeckError extends Error {
  override readonly name = "LimbeckError";
  /** Where the mistake is: a file, a recipe key, a node of a graph. */
  readonly where: string | undefined;
  /** What to do about it, as one sentence. */
  readonly hint: string | undefined;
  /** 2 for bad usage or input, 1 for a run that failed. */
  readonly exitCode: 1 | 2;

  constructor(message: string, details: { where?: string; hint?: string; exitCode?: 1 | 2; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.where = details.where;
    this.hint = details.hint;
    this.exitCode = details.exitCode ?? 2;
  }
}

/** The error as one line: what, where, what to do. */
export function explain(error: LimbeckError): string {
  return [error.message, error.where && `(in ${error.where})`, error.hint && `— ${error.hint}`].filter(Boolean).join(" ");
}
