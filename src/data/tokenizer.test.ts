import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LimbeckError } from "../errors.ts";
import { type Encoding, lengthsWithin, openTokenizer, type Tokenizer } from "./tokenizer.ts";

const read = (name: string): Buffer => readFileSync(new URL(`../../test/golden/tokenizers/${name}`, import.meta.url));
const json = (name: string): unknown => JSON.parse(read(name).toString());
const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

interface Golden {
  readonly ids: readonly (readonly number[])[];
  readonly hash: string;
  readonly short: readonly (readonly number[])[];
  readonly pairs: readonly {
    readonly pair: readonly [number, number, number | null];
    readonly ids: readonly number[];
    readonly typeIds: readonly number[];
  }[];
}
const texts = json("texts.json") as readonly string[];
/** What Python's tokenizers says (scripts/golden/tokenizer.py). */
const golden = json("golden.json") as Readonly<Record<string, Golden>>;
const wordpiece = json("wordpiece.json") as Record<string, unknown> & { normalizer: object; model: { vocab: Record<string, number> } };

const tokenizers: Readonly<Record<string, Tokenizer>> = {
  wordpiece: openTokenizer({ tokenizer: read("wordpiece.json") }),
  cased: openTokenizer({ tokenizer: bytesOf({ ...wordpiece, normalizer: { ...wordpiece.normalizer, lowercase: false } }) }),
  bpe: openTokenizer({ tokenizer: read("bpe.json") }),
  unigram: openTokenizer({ tokenizer: read("unigram.json") }),
};

function digest(encodings: readonly Encoding[]): string {
  const hash = createHash("sha256");
  for (const { ids, typeIds } of encodings) hash.update(Int32Array.of(ids.length)).update(ids).update(typeIds);
  return hash.digest("hex");
}

/** Places of texts that have equally likely ways to be cut, among which Rust and JavaScript choose differently: hundreds of one letter. */
const ties: Readonly<Record<string, readonly number[]>> = { unigram: [24] };

describe.each(Object.entries(tokenizers))("%s gives what Python's tokenizers gives", (name, tokenizer) => {
  const expected = golden[name] as Golden;
  const same = texts.flatMap((text, index) => (ties[name]?.includes(index) ? [] : [[text, index] as const]));
  it("for single texts", () => {
    for (const [text, index] of same) expect([...tokenizer.encode(text).ids], JSON.stringify(text)).toEqual(expected.ids[index]);
    if (same.length === texts.length) expect(digest(texts.map((text) => tokenizer.encode(text)))).toBe(expected.hash);
  });
  it("for texts cut to seven tokens", () => {
    expect(same.map(([text]) => [...tokenizer.encode(text, { maxLength: 7 }).ids])).toEqual(same.map(([, index]) => expected.short[index]));
  });
  it("for pairs of texts, cut to several lengths", () => {
    for (const { pair, ids, typeIds } of expected.pairs) {
      const found = tokenizer.encode(texts[pair[0]] as string, { pair: texts[pair[1]], maxLength: pair[2] ?? undefined });
      expect({ ids: [...found.ids], typeIds: [...found.typeIds] }, pair.join()).toEqual({ ids, typeIds });
    }
  });
});

const wordpieceIds = (text: string): readonly number[] => [...(tokenizers.wordpiece as Tokenizer).encode(text).ids];

it("knows the special tokens by their usual names, and by tokenizer_config.json", () => {
  expect(tokenizers.wordpiece?.special).toEqual({ pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 });
  expect(tokenizers.bpe?.special).toEqual({ cls: 0, pad: 1, sep: 2, unk: 3, mask: 4 });
  const config = { cls_token: "[MASK]", sep_token: { content: "[PAD]", special: true }, model_max_length: 128 };
  const { special, maxLength } = openTokenizer({ tokenizer: read("wordpiece.json"), config: bytesOf(config) });
  expect(special).toMatchObject({ cls: 4, sep: 0 });
  expect(maxLength).toBe(128);
});

it("takes transformers' 10^30 for no limit", () => {
  const { maxLength } = openTokenizer({ tokenizer: read("wordpiece.json"), config: bytesOf({ model_max_length: 1e30 }) });
  expect(maxLength).toBeUndefined();
});

it("counts the rows that an embedding needs, added tokens included", () => {
  const rows = 1 + Math.max(...Object.values(wordpiece.model.vocab));
  expect(tokenizers.wordpiece?.vocabularySize).toBe(rows);
  const added = [...(wordpiece.added_tokens as object[]), { id: 2000, content: "[NEW]", special: true }];
  expect(openTokenizer({ tokenizer: bytesOf({ ...wordpiece, added_tokens: added }) }).vocabularySize).toBe(2001);
});

it("cuts on the left where tokenizer_config.json says so", () => {
  const left = openTokenizer({ tokenizer: read("wordpiece.json"), config: bytesOf({ truncation_side: "left" }) });
  const whole = wordpieceIds("a b c d e f");
  expect([...left.encode("a b c d e f", { maxLength: 5 }).ids]).toEqual([whole[0], ...whole.slice(-4)]);
});

it("an empty second text makes a pair all the same", () => {
  expect(tokenizers.wordpiece?.encode("", { pair: "" }).ids).toEqual(Int32Array.of(2, 3, 3));
});

describe("texts cut to a length", () => {
  const lengths = fc.record({ first: fc.nat(200), second: fc.nat(200), room: fc.nat(300) });
  it("fill it, lose nothing that they need not, and the longer loses first", () => {
    fc.assert(
      fc.property(lengths, ({ first, second, room }) => {
        const [a, b] = lengthsWithin(first, second, room);
        expect(a + b).toBe(Math.min(room, first + second));
        expect(a <= first && b <= second).toBe(true);
        if (a < first && b < second) expect(Math.abs(a - b)).toBeLessThan(2);
        else if (a < first) expect(a).toBeGreaterThanOrEqual(b);
        else if (b < second) expect(b).toBeGreaterThanOrEqual(a);
      }),
    );
  });
  it("keep the special tokens", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        fc.string({ unit: "binary" }),
        fc.integer({ min: 3, max: 20 }),
        (text, pair, maxLength) => {
          const { ids, typeIds } = (tokenizers.wordpiece as Tokenizer).encode(text, { pair, maxLength });
          expect(ids.length).toBeLessThanOrEqual(maxLength);
          expect(typeIds.length).toBe(ids.length);
          expect([ids[0], ids.at(-1)]).toEqual([2, 3]);
        },
      ),
    );
  });
  it("are refused where there is room for nothing", () => {
    expect(() => tokenizers.wordpiece?.encode("a", { maxLength: 1 })).toThrow(/no room/);
    expect(() => tokenizers.wordpiece?.encode("a", { maxLength: Number.NaN })).toThrow(/no room/);
  });
});

describe("refuses", () => {
  const complaint = (tokenizer: Uint8Array): LimbeckError => {
    try {
      openTokenizer({ tokenizer, source: "folder/tokenizer.json" });
    } catch (error) {
      if (error instanceof LimbeckError) return error;
      throw error;
    }
    throw new Error("It was taken.");
  };
  it.each<[what: string, bytes: Uint8Array, message: RegExp]>([
    ["no JSON", read("wordpiece.json").subarray(0, 5000), /damaged one: it is not JSON/],
    ["no object", bytesOf([]), /damaged one/],
    ["no model", bytesOf({ ...wordpiece, model: null }), /damaged one: model/],
    ["a vocabulary of texts", bytesOf({ ...wordpiece, model: { vocab: { a: "b" } } }), /damaged one: model\.vocab/],
    ["a number past all vocabularies", bytesOf({ ...wordpiece, model: { vocab: { a: 2 ** 31 } } }), /damaged one: model\.vocab/],
    ["negative numbers", bytesOf({ ...wordpiece, added_tokens: [{ id: -1, content: "a" }] }), /damaged one: added_tokens\.0\.id/],
    ["a part that nobody knows", bytesOf({ ...wordpiece, normalizer: { type: "Magic" } }), /can't be used: Unknown Normalizer type: Magic/],
    ["a file without a part", bytesOf({ ...wordpiece, decoder: undefined }), /can't be used/],
    [
      "special tokens that are not in the vocabulary",
      bytesOf({ ...wordpiece, post_processor: { type: "BertProcessing", cls: ["[NO]", 9], sep: ["[SEP]", 3] } }),
      /vocabulary lacks/,
    ],
    ["a file of more than 64 MB", new Uint8Array(64 * 2 ** 20 + 1), /more than any tokenizer needs/],
  ])("%s", (_, bytes, message) => {
    const error = complaint(bytes);
    expect(error.message).toMatch(message);
    expect(error.where).toBe("folder/tokenizer.json");
  });
  it("a damaged tokenizer_config.json", () => {
    expect(() => openTokenizer({ tokenizer: read("wordpiece.json"), config: bytesOf({ cls_token: 7 }) })).toThrow(/cls_token/);
  });
});
