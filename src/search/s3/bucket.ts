import { setTimeout as sleep } from "node:timers/promises";
import { AwsV4Signer } from "aws4fetch";
import { LimbeckError } from "../../errors.ts";
import { type Access, accessFromEnvironment, connectionError, errorOf, type Refusal } from "./access.ts";

/** A prefix in a bucket of an S3-compatible object store; keys are relative to it. */
export interface Bucket {
  /** `s3://bucket/prefix` */
  readonly name: string;
  /** Where else than by its name it is known from: `host/bucket/prefix`. */
  readonly path: string;
  /** @throws LimbeckError at once, when it can't be used. */
  check(): Promise<void>;
  has(key: string): Promise<boolean>;
  /** What is made of an object's content; nothing where there is no such object. `use` is called again when the content breaks off. */
  get<T>(key: string, use: (content: ReadableStream<Uint8Array>) => Promise<T>): Promise<T | undefined>;
  /** Writes a whole object, or over one of the same name. @param sha256 Of the content, which the server compares. */
  put(key: string, content: Blob | Uint8Array, sha256: string): Promise<void>;
  /** The bytes of every object, by key. */
  sizes(): Promise<ReadonlyMap<string, number>>;
}

/** What an object may have that is put at once, which is how all are: five gibibytes. */
export const MOST_BYTES = 5 * 2 ** 30;

export const isS3 = (location: string): boolean => location.startsWith("s3://");

interface Asked {
  readonly query?: Readonly<Record<string, string>>;
  readonly content?: Blob | Uint8Array;
  readonly sha256?: string;
}

/** Times that a request is tried which fails by no fault of its own, and the wait before the second, in ms, which doubles. */
const ATTEMPTS = 6;
const FIRST_WAIT_MS = 200;
const PASSING = new Set([429, 500, 502, 503, 504]);

/** @throws LimbeckError where the URL is none, or the environment has no credentials. */
export function openBucket(url: string, access: Access = accessFromEnvironment(url)): Bucket {
  const { bucket, prefix } = parsed(url);
  const base = access.baseOf(bucket);
  const name = `s3://${[bucket, ...prefix].join("/")}`;

  const send = async (method: string, path: string, { query = {}, content, sha256 = EMPTY_SHA256 }: Asked): Promise<Response> => {
    const target = new URL(`${base}${path}`);
    for (const [key, value] of Object.entries(query)) target.searchParams.set(key, value);
    const headers = { "x-amz-content-sha256": sha256 };
    const signed = await new AwsV4Signer({ method, url: target.href, headers, service: "s3", ...access.keys }).sign();
    return fetch(signed.url, { method, headers: signed.headers, body: content as RequestInit["body"], redirect: "manual" });
  };

  /** @param use Makes something of the response before the next attempt could begin. */
  async function request<T>(method: string, path: string, asked: Asked, use: (response: Response) => Promise<T>): Promise<T | Refusal> {
    for (let attempt = 1; ; attempt++) {
      const last = attempt === ATTEMPTS;
      try {
        const response = await send(method, path, asked);
        if (response.ok) return await use(response);
        const refusal: Refusal = { status: response.status, headers: response.headers, text: await response.text() };
        const passing = PASSING.has(response.status) || refusal.text.includes("<Code>RequestTimeout</Code>");
        if (last || !passing) return refusal;
      } catch (error) {
        // So does `fetch` call what happens to a connection; other errors are those of files.
        if (!(error instanceof TypeError) || error.cause === undefined) throw error;
        if (last) throw connectionError(error, base);
      }
      await sleep(FIRST_WAIT_MS * 2 ** (attempt - 1) * (0.5 + Math.random()));
    }
  }

  const pathOf = (key: string): string => [...prefix, key].join("/");
  const missing = ({ status, text }: Refusal): boolean => status === 404 && /<Code>(NoSuchKey|NotFound)<\/Code>/.test(text);

  async function page(query: Readonly<Record<string, string>>): Promise<string> {
    const below = prefix.length === 0 ? "" : `${prefix.join("/")}/`;
    const answer = await request("GET", "", { query: { "list-type": "2", prefix: below, ...query } }, (response) => response.text());
    if (typeof answer !== "string") throw errorOf(answer, name);
    return answer;
  }

  return {
    name,
    path: [base.host.replaceAll(":", "_"), bucket, ...prefix].join("/"),
    check: async () => void (await page({ "max-keys": "1" })),
    has: async (key) => {
      const refusal = await request("HEAD", pathOf(key), {}, async () => undefined);
      if (refusal === undefined) return true;
      if (refusal.status === 404) return false;
      // Only the answer to a GET says what is the matter.
      const explained = await request("GET", pathOf(key), {}, async ({ body }) => void (await body?.cancel()));
      if (explained === undefined) return true;
      if (missing(explained)) return false;
      throw errorOf(explained, name);
    },
    get: async (key, use) => {
      const answer = await request("GET", pathOf(key), {}, async ({ body }) => ({ made: await use(body ?? new Blob([]).stream()) }));
      if ("made" in answer) return answer.made;
      if (missing(answer)) return undefined;
      throw errorOf(answer, name);
    },
    put: async (key, content, sha256) => {
      const refusal = await request("PUT", pathOf(key), { content, sha256 }, async () => undefined);
      if (refusal) throw errorOf(refusal, name);
    },
    sizes: async () => {
      const found = new Map<string, number>();
      const skipped = prefix.join("/").length + (prefix.length > 0 ? 1 : 0);
      for (let token: string | undefined = ""; token !== undefined; ) {
        const list = await page(token === "" ? {} : { "continuation-token": token });
        for (const [, entry = ""] of list.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
          found.set((element(entry, "Key") ?? "").slice(skipped), Number(element(entry, "Size")));
        }
        token = element(list, "NextContinuationToken");
      }
      return found;
    },
  };
}

/** Of nothing. */
const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** @throws LimbeckError where it is no URL of a bucket. Prefixes keep to characters that every server and signature takes as they are. */
function parsed(url: string): { readonly bucket: string; readonly prefix: readonly string[] } {
  const [, bucket, rest = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([\w./-]*))?$/.exec(url) ?? [];
  const prefix = rest.split("/").filter((part) => part !== "");
  if (bucket !== undefined && !prefix.some((part) => /^\.+$/.test(part))) return { bucket, prefix };
  throw new LimbeckError("A store on S3 has the form s3://bucket/prefix.", {
    where: url,
    hint: "Buckets have small letters, digits, dots and hyphens; prefixes letters, digits, dots, hyphens and underscores.",
  });
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** The text of an XML element that has no others inside. */
export function element(xml: string, name: string): string | undefined {
  const [, text] = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml) ?? [];
  return text?.replaceAll(/&(\w+);/g, (whole, entity: string) => entities[entity] ?? whole);
}
