const value32 = new Float32Array(1);
const word32 = new Uint32Array(value32.buffer);
/** The mean of the largest float16, 65504, and what would come next: from here on numbers round to infinity. */
const OVERFLOW = 0x477f_f000;
/** 2^-14, below which float16 has only multiples of 2^-24. */
const SMALLEST_NORMAL = 0x3880_0000;
/** Between the exponent biases of float32 (127) and float16 (15). */
const REBIAS = 0x3800_0000;

/** The bits of the float16 (IEEE 754 binary16) nearest to a float32, of two equally near the even one. */
export function toFloat16(value: number): number {
  value32[0] = value;
  const word = word32[0] as number;
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fff_ffff;
  if (magnitude > 0x7f80_0000) return sign | 0x7e00;
  if (magnitude >= OVERFLOW) return sign | 0x7c00;
  if (magnitude < SMALLEST_NORMAL) return sign | roundToEven(Math.abs(value32[0] as number) * 2 ** 24);
  const rebiased = magnitude - REBIAS;
  // 13 bits go. Adding half of their range, or a little less before an even number, carries exactly when it must.
  return sign | ((rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13);
}

/** Beyond 2^52 doubles have no fraction, so that adding rounds as IEEE 754 does: half to even. */
function roundToEven(value: number): number {
  return value + 2 ** 52 - 2 ** 52;
}
