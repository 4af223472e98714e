/** 1, 2 or 5 times a power of ten, enclosing [low, high]; powers of ten alone where those would crowd. */
export function logTicks(low: number, high: number): readonly number[] {
  const decades = Math.log10(high / low);
  const mantissas = decades > 2.5 ? [1] : [1, 2, 5];
  const from = Math.floor(Math.log10(low)) - 1; // one more on either side, for what log10 rounds
  const to = Math.ceil(Math.log10(high)) + 1;
  const candidates = Array.from({ length: to - from + 1 }, (_, index) => mantissas.map((m) => Number(`${m}e${from + index}`))).flat();
  const below = candidates.filter((tick) => tick <= low).at(-1) ?? low;
  const above = candidates.find((tick) => tick >= high && tick > below) ?? high;
  const step = Math.max(1, Math.ceil(decades / 6));
  return candidates.filter((tick) => tick >= below && tick <= above).filter((_, index) => index % step === 0);
}

/** Multiples of 1, 2 or 5 times a power of ten, about `count` of them, enclosing [low, high]. */
export function linearTicks(low: number, high: number, count: number): readonly number[] {
  const range = high - low || Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(range / count));
  const step = ([1, 2, 5, 10].find((m) => m * power * count >= range) ?? 10) * power;
  const from = Math.floor(low / step);
  const to = Math.ceil((low + range) / step);
  return Array.from({ length: to - from + 1 }, (_, index) => Number(((from + index) * step).toPrecision(12)));
}
