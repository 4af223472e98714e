import { LimbeckError } from "../../errors.ts";

/** How a server is reached, and as whom. */
export interface Access {
  readonly keys: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
    readonly region: string;
  };
  /** The URL of a bucket, with a slash at its end. */
  baseOf(bucket: string): URL;
}

/** By the variables that Amazon's own programs take too. @throws LimbeckError where there are no credentials among them. */
export function accessFromEnvironment(where: string, env: NodeJS.ProcessEnv = process.env): Access {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = env;
  if (!accessKeyId || !secretAccessKey) {
    throw new LimbeckError("The environment has no credentials for S3.", {
      where,
      hint: "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and for another server than Amazon's AWS_ENDPOINT_URL.",
    });
  }
  const region = env.AWS_REGION || env.AWS_DEFAULT_REGION || "us-east-1";
  const endpoint = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL;
  if (endpoint && !URL.canParse(endpoint)) {
    throw new LimbeckError("The address of the S3 server is no URL.", {
      where: endpoint,
      hint: "For example: AWS_ENDPOINT_URL=http://10.0.0.1:9000",
    });
  }
  return {
    keys: { accessKeyId, secretAccessKey, sessionToken: sessionToken || undefined, region },
    baseOf: (bucket) => {
      if (endpoint) return new URL(`${endpoint.replace(/\/+$/, "")}/${bucket}/`);
      // A certificate's `*` stands for no name with dots.
      const [host, path] = bucket.includes(".") ? ["", `${bucket}/`] : [`${bucket}.`, ""];
      return new URL(`https://${host}s3.${region}.amazonaws.com/${path}`);
    },
  };
}

/** An answer other than success. */
export interface Refusal {
  readonly status: number;
  readonly headers: Headers;
  /** XML, where it comes from S3. */
  readonly text: string;
}

const credentials = "Correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.";
const reasons: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  InvalidAccessKeyId: ["S3 doesn't know the access key", credentials],
  SignatureDoesNotMatch: ["The secret key isn't the access key's", credentials],
  ExpiredToken: ["The credentials have expired", "Get new ones, with their AWS_SESSION_TOKEN."],
  InvalidToken: ["The session token isn't one of these credentials", "Correct or unset AWS_SESSION_TOKEN."],
  AccessDenied: [
    "The credentials aren't enough for this store",
    "They must be allowed to list the bucket, and to read and write what is in it.",
  ],
  NoSuchBucket: ["There is no such bucket", "Make it, or correct the store's URL, AWS_REGION or AWS_ENDPOINT_URL."],
  XAmzContentSHA256Mismatch: ["What was sent isn't what was hashed before", "Don't change data while a search begins."],
  QuotaExceeded: ["The store is full", "Delete what is old there."],
};

/** What an answer means to a user. */
export function errorOf({ status, headers, text }: Refusal, where: string): LimbeckError {
  const [, code = ""] = /<Code>(\w+)<\/Code>/.exec(text) ?? [];
  const [, region = headers.get("x-amz-bucket-region") ?? undefined] = /<Region>([\w-]+)<\/Region>/.exec(text) ?? [];
  const fail = (message: string, hint?: string) => new LimbeckError(message, { where, hint, exitCode: 1 });
  if (code === "RequestTimeTooSkewed") {
    const minutes = Math.round((Date.now() - Date.parse(headers.get("date") ?? "")) / 60_000);
    const how = Number.isNaN(minutes) ? "" : `: it is ${Math.abs(minutes)} minutes ${minutes > 0 ? "ahead of" : "behind"} the server's`;
    return fail(`The clock of this machine is wrong${how}.`, "Set it, by NTP for instance (timedatectl set-ntp true).");
  }
  const reason = reasons[code];
  if (reason) return fail(`${reason[0]}.`, reason[1]);
  if (region !== undefined) return fail(`The bucket is in the region ${region}.`, `Set AWS_REGION=${region}.`);
  const [, message = ""] = /<Message>([^<]*)<\/Message>/.exec(text) ?? [];
  return fail(
    `S3 answers with ${[status, code, message].filter((part) => part !== "").join(" ")}.`,
    "Is this the address of an S3 server?",
  );
}

/** `fetch` says no more than that it failed. */
export function connectionError(error: TypeError, base: URL): LimbeckError {
  const { message, code } = error.cause as { message?: string; code?: string };
  return new LimbeckError(`No S3 answers there: ${message || code || error.message}.`, {
    where: base.origin,
    hint: "Is AWS_ENDPOINT_URL right, and the machine within reach?",
    exitCode: 1,
    cause: error,
  });
}
