import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

// A small object store that speaks S3, for tests: it checks signatures by its own arithmetic, and misbehaves when it is asked to.

export interface S3Server {
  /** What a client of it has in its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** By `bucket/key`. */
  readonly objects: Map<string, Buffer>;
  /** What was asked of it: `PUT bucket/key`. */
  readonly asked: string[];
  /** What goes wrong with the next requests, in turn. */
  readonly faults: Fault[];
  /** How far its clock is ahead. */
  skewMs: number;
  stop(): Promise<void>;
}

/** An answer other than the right one: nothing, half of it, or one of an overworked server. */
export type Fault = "hangUp" | "half" | 500 | 503;

const KEYS = { id: "AKIATEST", secret: "a/secret+key", token: "a session" };
const REGION = "eu-test-1";
const MOST_SKEW_MS = 15 * 60_000;
const PAGE = 3;

/** @param buckets That it has. */
export async function startS3(buckets: readonly string[] = ["data"]): Promise<S3Server> {
  const state = { objects: new Map<string, Buffer>(), asked: [] as string[], faults: [] as Fault[], skewMs: 0 };
  const server = createServer(async (request, response) => {
    const content = await bytesOf(request);
    const { pathname } = new URL(request.url ?? "", "http://any");
    state.asked.push(`${request.method} ${decodeURIComponent(pathname.slice(1))}`);
    const fault = state.faults.shift();
    if (fault === "hangUp") return void request.socket.destroy();
    const answer =
      typeof fault === "number" ? refusal(fault, fault === 503 ? "SlowDown" : "InternalError") : answerTo(request, content, buckets, state);
    send(request, response, answer, fault === "half");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return Object.assign(state, {
    env: {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: KEYS.id,
      AWS_SECRET_ACCESS_KEY: KEYS.secret,
      AWS_SESSION_TOKEN: KEYS.token,
      AWS_REGION: REGION,
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  });
}

interface Answer {
  readonly status: number;
  readonly content?: Buffer;
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

function send(
  { method, socket }: IncomingMessage,
  response: ServerResponse,
  { status, content = Buffer.alloc(0) }: Answer,
  half: boolean,
): void {
  response.writeHead(status, { "content-length": content.length });
  if (!half) return void response.end(method === "HEAD" ? undefined : content);
  response.write(content.subarray(0, content.length / 2), () => socket.destroy());
}

const refusal = (status: number, code: string, more = ""): Answer => ({
  status,
  content: Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>Of a test.</Message>${more}</Error>`),
});

function answerTo(
  request: IncomingMessage,
  content: Buffer,
  buckets: readonly string[],
  { objects, skewMs }: Pick<S3Server, "objects" | "skewMs">,
): Answer {
  const { pathname, searchParams } = new URL(request.url ?? "", "http://any");
  const wrong = signatureFault(request, skewMs);
  if (wrong) return wrong;
  const [, bucket = "", key = ""] = /^\/([^/]*)\/?(.*)$/.exec(decodeURIComponent(pathname)) ?? [];
  if (!buckets.includes(bucket)) return refusal(404, "NoSuchBucket");
  if (key === "") return list(objects, bucket, searchParams);
  const name = `${bucket}/${key}`;
  const object = objects.get(name);
  switch (request.method) {
    case "PUT":
      if (createHash("sha256").update(content).digest("hex") !== request.headers["x-amz-content-sha256"])
        return refusal(400, "XAmzContentSHA256Mismatch");
      if (request.headers["content-length"] === undefined) return refusal(411, "MissingContentLength");
      objects.set(name, content);
      return { status: 200 };
    case "GET":
    case "HEAD":
      return object ? { status: 200, content: object } : refusal(404, "NoSuchKey");
    default:
      return refusal(405, "MethodNotAllowed");
  }
}

/** ListObjectsV2, in pages of a few. */
function list(objects: ReadonlyMap<string, Buffer>, bucket: string, asked: URLSearchParams): Answer {
  if (asked.get("list-type") !== "2") return refusal(400, "InvalidArgument");
  const prefix = `${bucket}/${asked.get("prefix") ?? ""}`;
  const names = [...objects.keys()].filter((name) => name.startsWith(prefix)).sort();
  const first = Number((asked.get("continuation-token") ?? "at & 0").slice("at & ".length));
  const count = Math.min(PAGE, Number(asked.get("max-keys") ?? PAGE));
  const entries = names
    .slice(first, first + count)
    .map((name) => `<Contents><Key>${name.slice(bucket.length + 1)}</Key><Size>${objects.get(name)?.length}</Size></Contents>`);
  const next = first + count < names.length ? `<NextContinuationToken>at &amp; ${first + count}</NextContinuationToken>` : "";
  return { status: 200, content: Buffer.from(`<ListBucketResult>${entries.join("")}${next}</ListBucketResult>`) };
}

/** Version 4 of Amazon's signatures, for requests without what their examples leave out. */
function signatureFault({ method = "", url = "", headers }: IncomingMessage, skewMs: number): Answer | undefined {
  const text = (name: string): string => String(headers[name] ?? "");
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([\w-]+)\/s3\/aws4_request, SignedHeaders=([\w;-]+), Signature=([0-9a-f]{64})$/;
  const [, id, day = "", region = "", signedHeaders = "", signature] = form.exec(text("authorization")) ?? [];
  if (id !== KEYS.id) return refusal(403, "InvalidAccessKeyId");
  if (text("x-amz-security-token") !== KEYS.token) return refusal(403, "ExpiredToken");
  if (region !== REGION) return refusal(400, "AuthorizationHeaderMalformed", `<Region>${REGION}</Region>`);
  const date = text("x-amz-date");
  const at = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (!(Math.abs(Date.now() + skewMs - at) <= MOST_SKEW_MS)) return refusal(403, "RequestTimeTooSkewed");
  const names = signedHeaders.split(";");
  for (const needed of ["host", "x-amz-content-sha256", "x-amz-date"]) if (!names.includes(needed)) return refusal(403, "AccessDenied");
  const { pathname, searchParams } = new URL(url, "http://any");
  const encoded = (part: string): string =>
    encodeURIComponent(part).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const query = [...searchParams].map(([name, value]) => `${encoded(name)}=${encoded(value)}`).sort();
  const canonical = [
    method,
    pathname,
    query.join("&"),
    ...names.map((name) => `${name}:${text(name)}`),
    "",
    signedHeaders,
    text("x-amz-content-sha256"),
  ];
  const hash = createHash("sha256").update(canonical.join("\n")).digest("hex");
  const hmac = (key: string | Buffer, data: string): Buffer => createHmac("sha256", key).update(data).digest();
  const key = [day, region, "s3", "aws4_request"].reduce<string | Buffer>((before, part) => hmac(before, part), `AWS4${KEYS.secret}`);
  const right = hmac(key, ["AWS4-HMAC-SHA256", date, `${day}/${region}/s3/aws4_request`, hash].join("\n")).toString("hex");
  return right === signature ? undefined : refusal(403, "SignatureDoesNotMatch");
}
