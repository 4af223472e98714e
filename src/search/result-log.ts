import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { fileError } from "../run/files.ts";

/** A result as it is kept. */
export interface ResultLine {
  readonly key: string;
  readonly name: string;
  readonly result: unknown;
  readonly seconds?: number;
}

/** Results by the keys of their jobs. */
export interface ResultLog {
  get(key: string): ResultLine | undefined;
  /** Returns when the line can no longer be lost. */
  add(line: ResultLine): void;
  close(): void;
}

/**
 * A file of results, a line of JSON for each, which is made when it isn't there. What a process that was killed has left of a line is
 * passed over.
 *
 * @throws LimbeckError when the file can't be read or written.
 */
export function openResultLog(path: string): ResultLog {
  const guarded = <T>(action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw fileError(error, path);
    }
  };
  const { lines, file, torn } = guarded(() => {
    mkdirSync(dirname(path), { recursive: true });
    const opened = openSync(path, "a+");
    const text = readFileSync(path, "utf8");
    return { lines: parseLines(text), file: opened, torn: text !== "" && !text.endsWith("\n") };
  });
  // A whole line after half of one would be lost with it.
  if (torn) guarded(() => writeSync(file, "\n"));
  return {
    get: (key) => lines.get(key),
    add: (line) => {
      guarded(() => {
        writeSync(file, `${JSON.stringify(line)}\n`);
        fsyncSync(file);
      });
      lines.set(line.key, line);
    },
    close: () => closeSync(file),
  };
}

function parseLines(text: string): Map<string, ResultLine> {
  const lines = new Map<string, ResultLine>();
  for (const line of text.split("\n")) {
    try {
      const parsed = JSON.parse(line) as ResultLine | null;
      if (typeof parsed?.key === "string" && parsed.result !== undefined) lines.set(parsed.key, parsed);
    } catch {
      // Half a line.
    }
  }
  return lines;
}
