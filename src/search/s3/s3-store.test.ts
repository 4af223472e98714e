import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { LimbeckError } from "../../errors.ts";
import { openShards, openStore } from "../open-store.ts";
import { fileFinder } from "../recipe-files.ts";
import { fetchShards } from "../workplace.ts";
import { accessFromEnvironment } from "./access.ts";
import { openBucket } from "./bucket.ts";
import { type S3Server, startS3 } from "./s3-server.fixture.ts";

const URL_OF_STORE = "s3://data/some/prefix";
const place = mkdtempSync(join(tmpdir(), "limbeck-test-"));
const at = (...parts: string[]): string => join(place, ...parts);
let server: S3Server;

beforeAll(async () => {
  server = await startS3();
});
afterAll(async () => {
  await server.stop();
  rmSync(place, { recursive: true, force: true });
});
beforeEach(() => {
  rmSync(place, { recursive: true, force: true });
  mkdirSync(at("data/inner"), { recursive: true });
  writeFileSync(at("data/inner/a b.bin"), "one");
  writeFileSync(at("data/b.bin"), "two");
  writeFileSync(at("data/again.bin"), "two");
  writeFileSync(at("data/empty.bin"), "");
  writeFileSync(at("weights.safetensors"), Buffer.alloc(3e6, "weights"));
  server.objects.clear();
  server.faults.length = 0;
  server.asked.length = 0;
  server.skewMs = 0;
  // Attempts follow one another at once.
  vi.spyOn(Math, "random").mockReturnValue(-0.5);
  useEnvironment();
  useMachine("one");
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

function useEnvironment(changes: Readonly<Record<string, string>> = {}): void {
  for (const name of ["AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3"]) vi.stubEnv(name, "");
  for (const [name, value] of Object.entries({ ...server.env, ...changes })) vi.stubEnv(name, value);
}

/** What lies beside the bucket is another machine's from now on. */
function useMachine(name: string): void {
  mkdirSync(at(name), { recursive: true });
  vi.spyOn(process, "cwd").mockReturnValue(at(name));
}

const recipe = { data: { idx: "data" }, student: { zoo: "mlp", weights: { file: "weights.safetensors", ignore: [] } } };
const fill = () => fileFinder(place, openStore(URL_OF_STORE).put)(recipe);
const asked = (pattern: RegExp): readonly string[] => server.asked.filter((line) => pattern.test(line));

describe("a store on S3", () => {
  test("gives on another machine what was put there, and sends and brings it once", async () => {
    const files = await fill();
    expect(asked(/^PUT/)).toHaveLength(5);
    await fill();
    expect(asked(/^PUT/)).toHaveLength(5);
    useMachine("two");
    const store = openStore(URL_OF_STORE);
    expect(Buffer.from(await store.read(files["weights.safetensors"] as string)).equals(readFileSync(at("weights.safetensors")))).toBe(
      true,
    );
    const [data, same] = await Promise.all([store.locate(files.data as string), store.locate(files.data as string)]);
    expect(same).toBe(data);
    expect(data.startsWith(store.directory)).toBe(true);
    expect(readdirSync(data, { recursive: true }).sort()).toEqual(["again.bin", "b.bin", "empty.bin", "inner", "inner/a b.bin"]);
    expect(readFileSync(join(data, "inner/a b.bin"), "utf8")).toBe("one");
    const gets = asked(/^GET/).length;
    expect(await openStore(URL_OF_STORE).bring(files.data as string)).toBe(true);
    expect(asked(/^GET/)).toHaveLength(gets);
    expect(await store.bring(`sha256:${"0".repeat(64)}/`)).toBe(false);
    expect(await store.bring(`sha256:${"0".repeat(64)}.onnx`)).toBe(false);
  });

  test("tries again what fails by chance, and leaves no half of a file", async () => {
    server.faults.push(503, "hangUp", 500);
    const files = await fill();
    useMachine("two");
    server.faults.push("half", 503, "half");
    const path = await openStore(URL_OF_STORE).locate(files["weights.safetensors"] as string);
    expect(readFileSync(path).equals(readFileSync(at("weights.safetensors")))).toBe(true);
    expect(readdirSync(join(path, ".."))).toHaveLength(1);
  });

  test("an upload that broke off goes on, since a directory is there only when all of its files are", async () => {
    server.faults.push(...Array.from({ length: 3 }, () => 503 as const));
    const files = await fill();
    for (const name of [...server.objects.keys()].filter((key) => key.includes("/trees/"))) server.objects.delete(name);
    expect(await openStore(URL_OF_STORE).bring(files.data as string)).toBe(false);
    server.asked.length = 0;
    await fill();
    expect(asked(/^PUT/)).toEqual([expect.stringContaining("/trees/")]);
  });

  test("gives nothing that has changed there, or leads out of it", async () => {
    const files = await fill();
    useMachine("two");
    const store = openStore(URL_OF_STORE);
    const blobs = [...server.objects.keys()].filter((key) => key.includes("/blobs/"));
    for (const name of blobs) server.objects.set(name, Buffer.from("forged"));
    await expect(store.read(files["weights.safetensors"] as string)).rejects.toThrow("isn't what its name says");
    await expect(store.locate(files.data as string)).rejects.toThrow("isn't what its name says");
    const content = "0".repeat(64);
    for (const name of ["../out", "/etc/passwd", "a/../../b"]) {
      const list = Buffer.from(`${name}\0${content}\n`);
      const hash = createHash("sha256").update(list).digest("hex");
      server.objects.set(`data/some/prefix/trees/${hash}`, list);
      await expect(store.locate(`sha256:${hash}/`)).rejects.toThrow(/is no list of a directory's files|lacks a file of a directory/);
    }
    expect(existsSync(join(store.directory, "files")) && readdirSync(join(store.directory, "files"))).toEqual([]);
    expect(readdirSync(join(store.directory, "trees"))).toEqual([]);
    expect(existsSync(at("out"))).toBe(false);
    symlinkSync(at("data"), at("link"));
    await expect(fileFinder(place, store.put)({ data: { idx: place } })).rejects.toThrow("a link to a directory");
  });
});

describe("shards on S3", () => {
  const shards = () => openShards(`${URL_OF_STORE}/teacher-cache`);
  const bytes = (text: string) => new TextEncoder().encode(text);

  test("are read by all machines, and listed beyond a page", async () => {
    for (let index = 0; index < 7; index++) await shards().save(`key/${index}.shard`, bytes(`shard ${index}`));
    useMachine("two");
    expect([...(await shards().sizes())].sort()).toEqual(Array.from({ length: 7 }, (_, index) => [`key/${index}.shard`, 7]));
    const store = shards();
    expect(await store.load("key/9.shard")).toBeUndefined();
    expect(Buffer.from((await store.load("key/3.shard")) as Uint8Array).toString()).toBe("shard 3");
    const target = new Uint8Array(1);
    store.read("key/3.shard", 6, target);
    expect(Buffer.from(target).toString()).toBe("3");
    store.close();
    await fetchShards(["key/5.shard"], `${URL_OF_STORE}/teacher-cache`, at("cache"));
    expect(readFileSync(at("cache/key/5.shard"), "utf8")).toBe("shard 5");
  });
});

describe("what keeps S3 from working is said with what to do", () => {
  test.each<[string, Readonly<Record<string, string>>, RegExp, RegExp]>([
    ["another key", { AWS_ACCESS_KEY_ID: "AKIAOTHER" }, /doesn't know the access key/, /AWS_ACCESS_KEY_ID/],
    ["another secret", { AWS_SECRET_ACCESS_KEY: "wrong" }, /The secret key isn't the access key's/, /AWS_SECRET_ACCESS_KEY/],
    ["an old token", { AWS_SESSION_TOKEN: "old" }, /have expired/, /AWS_SESSION_TOKEN/],
    ["another region", { AWS_REGION: "us-east-1" }, /is in the region eu-test-1/, /AWS_REGION=eu-test-1/],
  ])("%s", async (_, changes, message, hint) => {
    useEnvironment(changes);
    const store = openStore(URL_OF_STORE);
    const expected = { message: expect.stringMatching(message), hint: expect.stringMatching(hint), where: URL_OF_STORE };
    await expect(store.check()).rejects.toMatchObject(expected);
    await expect(store.put(`sha256:${"0".repeat(64)}.bin`, at("data/b.bin"))).rejects.toMatchObject(expected);
    expect((await store.check().catch((error: Error) => error.message)) ?? "").not.toContain(server.env.AWS_SECRET_ACCESS_KEY);
  });

  test("a bucket that isn't there", async () => {
    await expect(openStore("s3://nowhere/prefix").check()).rejects.toMatchObject({
      message: "There is no such bucket.",
      hint: expect.stringMatching(/Make it/),
    });
  });

  test("a clock that is wrong", async () => {
    server.skewMs = 3_600_000;
    const error = await openStore(URL_OF_STORE)
      .check()
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: expect.stringContaining("The clock of this machine is wrong"),
      hint: expect.stringContaining("NTP"),
    });
  });

  test("no server, or one of something else", async () => {
    useEnvironment({ AWS_ENDPOINT_URL: "http://127.0.0.1:1" });
    await expect(openStore(URL_OF_STORE).check()).rejects.toMatchObject({
      message: expect.stringContaining("No S3 answers there"),
      where: "http://127.0.0.1:1",
    });
    useEnvironment({ AWS_ENDPOINT_URL: "not a URL" });
    expect(() => openStore(URL_OF_STORE)).toThrow("is no URL");
  });

  test("no credentials", () => {
    useEnvironment({ AWS_ACCESS_KEY_ID: "" });
    expect(() => openStore(URL_OF_STORE)).toThrow("The environment has no credentials for S3.");
  });

  test.each(["s3://", "s3://UPPER/x", "s3://data/../x", "s3://data/a b", "s3://a", "s3://data?x=1"])("%s", (url) => {
    expect(() => openBucket(url)).toThrow(LimbeckError);
  });

  test("what is hashed and then changed", async () => {
    await expect(openStore(URL_OF_STORE).put(`sha256:${"1".repeat(64)}.bin`, at("data/b.bin"))).rejects.toThrow("isn't what was hashed");
  });
});

test("buckets of Amazon's are reached by their names, those of others by paths", () => {
  const base = (bucket: string, env: Readonly<Record<string, string>>) =>
    accessFromEnvironment("s3://x", { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b", ...env }).baseOf(bucket).href;
  expect(base("data", {})).toBe("https://data.s3.us-east-1.amazonaws.com/");
  expect(base("my.data", { AWS_DEFAULT_REGION: "eu-west-1" })).toBe("https://s3.eu-west-1.amazonaws.com/my.data/");
  expect(base("data", { AWS_ENDPOINT_URL: "http://10.0.0.1:9000/" })).toBe("http://10.0.0.1:9000/data/");
  expect(base("data", { AWS_ENDPOINT_URL: "http://other", AWS_ENDPOINT_URL_S3: "https://host/s3" })).toBe("https://host/s3/data/");
});
