import fc from "fast-check";
import { expect, it } from "vitest";
import { blankShard, recordPosition, type ShardHeader, sealShard, shardBytes, shardFault } from "./shard.ts";

const headers: fc.Arbitrary<ShardHeader> = fc.record({
  key: fc.stringMatching(/^[0-9a-f]{64}$/),
  view: fc.nat(1e6),
  first: fc.nat(1e9),
  count: fc.integer({ min: 1, max: 9 }),
  recordBytes: fc.integer({ min: 1, max: 40 }),
});
const shards = fc.tuple(headers, fc.infiniteStream(fc.nat(255)));

async function sealed([header, content]: [ShardHeader, Iterator<number>]): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = blankShard(header);
  for (let at = recordPosition(header, header.first); at < bytes.length; at++) bytes[at] = content.next().value as number;
  await sealShard(bytes);
  return bytes;
}

it("gives back what was put into it, record by record", async () => {
  await fc.assert(
    fc.asyncProperty(headers, async (header) => {
      const bytes = blankShard(header);
      const record = (sample: number) => {
        const start = recordPosition(header, sample);
        return bytes.subarray(start, start + header.recordBytes);
      };
      const samples = Array.from({ length: header.count }, (_, index) => header.first + index);
      for (const sample of samples) record(sample).fill(sample);
      await sealShard(bytes);
      expect(await shardFault(bytes, header)).toBeUndefined();
      for (const sample of samples) expect([...record(sample)]).toEqual(new Array(header.recordBytes).fill(sample % 256));
      expect(bytes.length).toBe(shardBytes(header));
    }),
  );
});

it("with any byte changed is told from a good one", async () => {
  await fc.assert(
    fc.asyncProperty(shards, fc.nat(), fc.integer({ min: 1, max: 255 }), async (shard, draw, change) => {
      const bytes = await sealed(shard);
      const at = draw % bytes.length;
      bytes[at] = (bytes[at] as number) ^ change;
      expect(await shardFault(bytes, shard[0])).toBeTypeOf("string");
    }),
  );
});

it("cut short anywhere, or with something after it, is told from a good one", async () => {
  await fc.assert(
    fc.asyncProperty(shards, fc.nat(), async (shard, draw) => {
      const bytes = await sealed(shard);
      expect(await shardFault(bytes.slice(0, draw % bytes.length), shard[0])).toBeTypeOf("string");
      expect(await shardFault(Uint8Array.of(...bytes, 0), shard[0])).toBeTypeOf("string");
    }),
  );
});

it("of anything else is as good as none", async () => {
  await fc.assert(
    fc.asyncProperty(shards, headers, async (shard, other) => {
      fc.pre(JSON.stringify(shard[0]) !== JSON.stringify(other));
      expect(await shardFault(await sealed(shard), other)).toBe("it is of something else");
    }),
  );
});

it("that was never sealed is not believed, nor are other files", async () => {
  const header: ShardHeader = { key: "0".repeat(64), view: 0, first: 0, count: 2, recordBytes: 4 };
  expect(await shardFault(blankShard(header), header)).toBe("its checksum is wrong");
  expect(await shardFault(new TextEncoder().encode("<html>"), header)).toBe("it is no shard of a teacher cache");
  const later = blankShard(header);
  later[8] = 2;
  await sealShard(later);
  expect(await shardFault(later, header)).toBe("it has version 2, not 1");
});
