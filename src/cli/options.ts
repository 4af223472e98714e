import { InvalidArgumentError, Option } from "commander";

export const examples = (lines: readonly string[]): string => `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}\n`;

export const setOption = (): Option =>
  new Option("--set <key=value>", "change a key of the recipe; repeatable").argParser((value: string, all: string[] = []) => [
    ...all,
    value,
  ]);

export function integer(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value)) throw new InvalidArgumentError("It must be a whole number.");
  return value;
}

export function positiveInteger(text: string): number {
  const value = integer(text);
  if (value < 1) throw new InvalidArgumentError("It must be a whole number of 1 or more.");
  return value;
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError("It must be a number above 0.");
  return value;
}

/** `93.5` or `93.5%`, as a fraction of 1. */
export function percentage(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text.replace(/ ?%$/, ""));
  if (!(value >= 0 && value <= 100)) throw new InvalidArgumentError("It must be a percentage from 0 to 100.");
  return value / 100;
}

/** `1,2,4`: numbers above 0, none of them twice. */
export function positiveNumbers(text: string): readonly number[] {
  const values = text.split(",").map(Number);
  if (values.some((value) => !(value > 0) || !Number.isFinite(value)) || new Set(values).size < values.length) {
    throw new InvalidArgumentError("It has the form 1,2,4: numbers above 0, none of them twice.");
  }
  return values;
}

const units: Readonly<Record<string, number>> = { MB: 1e6, GB: 1e9 };

/** `2GB`, `500MB`. */
export function byteCount(text: string): number {
  const [, number, unit] = /^([\d.]+) ?(MB|GB)$/i.exec(text) ?? [];
  const bytes = Number(number) * (units[unit?.toUpperCase() ?? ""] ?? Number.NaN);
  if (!(bytes > 0)) throw new InvalidArgumentError("It has the form 2GB or 500MB.");
  return bytes;
}
