/** What a tar archive is made of: a file, or whatever a header can say. */
export interface TarPart {
  readonly name: string;
  readonly content?: Uint8Array | string;
  readonly type?: string;
  /** Instead of the number of bytes of the content, in octal. */
  readonly size?: Uint8Array;
}

export const tarEnd = Buffer.alloc(1024);

/** A tar archive, with names of up to 100 bytes; longer ones the way of GNU tar. */
export function tar(parts: readonly TarPart[], end: Uint8Array = tarEnd): Buffer {
  return Buffer.concat([...parts.flatMap(entry), end]);
}

function entry({ name, content = "", type = "0", size }: TarPart): Uint8Array[] {
  if (Buffer.byteLength(name) > 100) {
    const long = entry({ name: "././@LongLink", content: `${name}\0`, type: "L" });
    return [...long, ...entry({ name: name.slice(0, 20), content, type, size })];
  }
  const bytes = Buffer.from(content);
  const header = Buffer.alloc(512);
  header.write(name);
  header.write("0000644\0", 100);
  header.set(size ?? Buffer.from(`${bytes.length.toString(8).padStart(11, "0")}\0`), 124);
  header.write(" ".repeat(8), 148);
  header.write(type, 156);
  header.write("ustar\x0000", 257);
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
  );
  return [header, bytes, Buffer.alloc(-bytes.length & 511)];
}
