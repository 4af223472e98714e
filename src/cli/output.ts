import { relative } from "node:path";
import pc from "picocolors";
import { LimbeckError } from "../errors.ts";

/** Colours for what is written to a stream: none but in a terminal that shows them. */
export function colorsFor(stream: { readonly isTTY?: boolean }): ReturnType<typeof pc.createColors> {
  return pc.createColors(stream.isTTY === true && pc.isColorSupported);
}

/** Says on standard error what went wrong, and gives the exit code. A user's mistake gets no stack trace. */
export function reportError(error: unknown): number {
  const colors = colorsFor(process.stderr);
  if (!(error instanceof LimbeckError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    console.error(`${colors.red("This is a fault in Limbeck, not yours.")} Please report it with what you ran:\n${text}`);
    return 1;
  }
  console.error(`${colors.red("Error:")} ${error.message}`);
  if (error.where) console.error(`  ${colors.dim("where:")} ${error.where}`);
  if (error.hint) console.error(`  ${colors.dim("hint: ")} ${error.hint}`);
  return error.exitCode;
}

/** Prints a value as JSON on standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** As seen from the current directory, where the file is below it. */
export function shortPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith("..") ? path : fromHere;
}
