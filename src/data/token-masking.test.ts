import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LimbeckError } from "../errors.ts";
import { maskTokens, mostMasked, type TokenMasking, tokenMasking } from "./token-masking.ts";

const special = { cls: 2, sep: 3, pad: 0, mask: 4, unk: 1 };
const masking = tokenMasking({ special, vocabularySize: 100 });
const texts = fc.array(fc.integer({ min: 0, max: 99 }), { maxLength: 40 }).map((ids) => Int32Array.from(ids));
const place = fc.record({ seed: fc.integer(), view: fc.nat(), index: fc.nat() });

describe("masking words", () => {
  it("is told by labels where words are to be guessed, and changes nothing elsewhere", () => {
    fc.assert(
      fc.property(texts, place, (ids, at) => {
        const before = ids.slice();
        const found = maskTokens(ids, masking, at);
        expect(ids).toEqual(before);
        ids.forEach((token, index) => {
          const label = found.labels[index] as number;
          expect([token, -1]).toContain(label);
          if (label === -1) expect(found.ids[index]).toBe(token);
          else if (found.ids[index] !== 4) expect(masking.special.has(found.ids[index] as number)).toBe(false);
          if (masking.special.has(token)) expect(label).toBe(-1);
        });
        const words = ids.filter((token) => !masking.special.has(token)).length;
        const guessed = found.labels.filter((label) => label !== -1).length;
        expect(guessed).toBe(words === 0 ? 0 : Math.min(words, mostMasked(masking, words)));
        expect(guessed).toBeLessThanOrEqual(mostMasked(masking, ids.length));
      }),
    );
  });

  it("follows from seed, view and index alone, and differs between them", () => {
    const ids = Int32Array.from({ length: 40 }, (_, index) => 10 + index);
    const at = { seed: 1, view: 2, index: 3 };
    expect(maskTokens(ids, masking, at)).toEqual(maskTokens(ids, masking, { ...at }));
    for (const other of [{ seed: 9 }, { view: 9 }, { index: 9 }])
      expect(maskTokens(ids, masking, { ...at, ...other }).labels).not.toEqual(maskTokens(ids, masking, at).labels);
  });

  it("masks 80 of 100 that are to be guessed, replaces 10, leaves 10, at every place alike", () => {
    const ids = Int32Array.from({ length: 20 }, (_, index) => 10 + index);
    const counts = { masked: 0, kept: 0, replaced: 0 };
    const places = new Array<number>(20).fill(0);
    for (let index = 0; index < 4000; index++) {
      const found = maskTokens(ids, masking, { seed: 0, view: 0, index });
      found.labels.forEach((label, at) => {
        if (label === -1) return;
        places[at] = (places[at] as number) + 1;
        counts[found.ids[at] === 4 ? "masked" : found.ids[at] === label ? "kept" : "replaced"]++;
      });
    }
    // 3 of 20 each, so 12,000 in all; five standard deviations.
    const near = (count: number, share: number, of = 12_000) =>
      expect(Math.abs(count - share * of)).toBeLessThan(5 * Math.sqrt(share * (1 - share) * of));
    near(counts.masked, 0.8);
    // Of words that replace one, 1 of 95 is the same.
    near(counts.kept, 0.1 + 0.1 / 95);
    for (const count of places) near(count, 1 / 20);
  });

  it("masks none at a probability of 0, and all at 1", () => {
    const ids = Int32Array.from([2, 50, 51, 52, 3]);
    const at = { seed: 0, view: 0, index: 0 };
    const of = (probability: number): TokenMasking => ({ ...masking, probability });
    expect(maskTokens(ids, of(0), at)).toEqual({ ids, labels: new Int32Array(5).fill(-1) });
    expect(Array.from(maskTokens(ids, of(1), at).labels)).toEqual([-1, 50, 51, 52, -1]);
  });

  it("needs a token for what is masked", () => {
    expect(() => tokenMasking({ special: { ...special, mask: undefined }, vocabularySize: 100 })).toThrow(LimbeckError);
  });
});
