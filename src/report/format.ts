/** Stands for a number that is missing or not finite (JSON writes NaN as null). */
export const ABSENT = "–";

/** Groups of three: `12,345`. */
export function formatInteger(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString("en-US") : ABSENT;
}

/** Every digit below ten thousand, then three and a prefix: `7,850`, `42.3 k`, `2.40 M`, `4.79 G`. */
export function formatCount(value: number): string {
  return Math.abs(value) < 10_000 ? formatInteger(value) : withPrefix(value, "");
}

/** Decimal units: `812 B`, `171 kB`, `9.58 MB`. */
export function formatBytes(bytes: number): string {
  return withPrefix(bytes, "B");
}

/** A fraction of 1 as `98.83 %`. */
export function formatPercent(fraction: number, digits = 2): string {
  return Number.isFinite(fraction) ? `${(fraction * 100).toFixed(digits)} %` : ABSENT;
}

/** A correlation, −1 to 1: `0.9312`. */
export function formatCorrelation(value: number): string {
  return Number.isFinite(value) ? value.toFixed(4) : ABSENT;
}

/** `1.07×`, `56.6×`, `1,234×`. */
export function formatRatio(ratio: number): string {
  return Number.isFinite(ratio) ? `${ratio < 999.5 ? significant(ratio, 3) : formatInteger(ratio)}×` : ABSENT;
}

/** A latency: `4.3 µs`, `0.21 ms`, `12.3 ms`, `1.23 s`. */
export function formatMilliseconds(ms: number): string {
  if (!Number.isFinite(ms)) return ABSENT;
  if (ms < 0.00995) return `${significant(ms * 1000, 2)} µs`;
  if (ms < 1) return `${significant(ms, 2)} ms`;
  return ms < 999.5 ? `${significant(ms, 3)} ms` : `${significant(ms / 1000, 3)} s`;
}

const SMALLER = ["", "m", "µ", "n", "p"];

/** An energy: `1.23 J`, `45.6 mJ`, `0.12 µJ` is `120 nJ`. */
export function formatJoules(joules: number): string {
  if (!Number.isFinite(joules)) return ABSENT;
  const rounded = Number(joules.toPrecision(3));
  const power = rounded === 0 ? 0 : Math.min(Math.max(Math.ceil(-Math.log10(Math.abs(rounded)) / 3), 0), SMALLER.length - 1);
  return `${significant(rounded * 1000 ** power, 3)} ${SMALLER[power]}J`;
}

/** How long a run took: `0.8 s`, `42 s`, `3 min 12 s`, `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return ABSENT;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.round(whole / 60);
  const hours = Math.round(whole / 3600);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return minutes < 24 * 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A loss, a learning rate, a temperature: three significant digits, trailing zeros dropped: `0.0213`, `4`, `1e-5`. */
export function formatScalar(value: number): string {
  if (!Number.isFinite(value)) return ABSENT;
  const magnitude = Math.abs(value);
  return magnitude !== 0 && (magnitude < 0.0001 || magnitude >= 100_000)
    ? Number(value.toPrecision(3)).toExponential().replace("e+", "e")
    : String(Number(value.toPrecision(3)));
}

const PREFIXES = ["", "k", "M", "G", "T", "P"];

function withPrefix(value: number, unit: string): string {
  if (!Number.isFinite(value)) return ABSENT;
  const rounded = Number(value.toPrecision(3)); // first, so that 999,999 becomes 1.00 M and not 1000 k
  const power = rounded === 0 ? 0 : Math.min(Math.max(Math.floor(Math.log10(Math.abs(rounded)) / 3), 0), PREFIXES.length - 1);
  const digits = power === 0 ? String(rounded) : significant(value / 1000 ** power, 3);
  return `${digits} ${PREFIXES[power]}${unit}`.trimEnd();
}

/** `digits` significant digits, never with an exponent. */
function significant(value: number, digits: number): string {
  if (value === 0) return "0";
  const rounded = Number(value.toPrecision(digits));
  return rounded.toFixed(Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(rounded)))));
}
