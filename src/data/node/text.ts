import { LimbeckError } from "../../errors.ts";
import type { TextColumns, TextSource } from "../data-source.ts";
import { type LabelTable, labelTable, labelText, namedLabels } from "../label-table.ts";
import { NO_LABEL, type Samples, type Splits } from "../samples.ts";
import { lengthsFor, type Texts, textSamples, tokenTable } from "../texts.ts";
import type { Encoding, Tokenizer } from "../tokenizer.ts";
import { type BySplit, eachSplit, type ImageLocation, labelNames, MOST_IMAGES, nameOf, noColumn, splitFiles } from "./image-locations.ts";
import { openTextTable, type TextTable, tableExtensions } from "./text-table.ts";
import { openTokenizerAt } from "./tokenizer-directory.ts";

/** Names of the columns that hold a text alone, and those of the two texts of a pair. */
const textNames: readonly string[] = ["text", "sentence", "question", "review", "content", "document", "title"];
const pairNames: readonly (readonly [string, string])[] = [
  ["sentence1", "sentence2"],
  ["premise", "hypothesis"],
  ["question1", "question2"],
  ["text1", "text2"],
  ["text_a", "text_b"],
];

/**
 * Texts, or pairs of texts, in CSV, TSV, JSON Lines or Parquet files, as tokens. Training samples may lack labels, those that are tested on
 * may not, unless no sample has one: then there are no classes.
 *
 * @throws LimbeckError when files or columns are missing, or rows are damaged.
 */
export async function openTexts(
  source: TextSource,
  location: ImageLocation,
  { relativeTo }: { readonly relativeTo: string },
): Promise<Partial<Splits> & Pick<Splits, "train">> {
  const files = await splitFiles(location, { relativeTo }, tableExtensions);
  const tokenizer = await openTokenizerAt(source.tokenizer, relativeTo);
  const reading: Reading = { columns: source.columns ?? {} };
  const read = await eachSplit(files, async (paths) => {
    const list: TextList = { texts: [], labels: [], encodings: [], withoutLabel: undefined };
    for (const path of paths) await readTable(path, list, reading, tokenizer, source.length);
    return list;
  });
  const { classes, labelOf } = classesOf(reading.table, nameOf(location, "train"));
  if (classes.length > 0) checkTested(read);
  const shared = {
    lengths: lengthsOf(read, source),
    pad: tokenizer.special.pad ?? 0,
    vocabulary: tokenizer.vocabularySize,
    special: tokenizer.special,
  };
  const samples = await eachSplit(read, ({ texts, labels, encodings }, split): Samples => {
    const known = Int32Array.from(labels, (label) => (label === NO_LABEL ? NO_LABEL : labelOf(label)));
    return textSamples({ name: nameOf(location, split), classes, labels: known, tokens: tokenTable(encodings), texts, ...shared });
  });
  return { ...samples, notes: [describeLengths(shared.lengths)] };
}

function describeLengths(lengths: readonly number[]): string {
  if (lengths.length === 1) return `Texts are padded to ${lengths[0]} tokens: the training step is compiled once.`;
  return `Texts are padded to ${lengths.slice(0, -1).join(", ")} or ${lengths.at(-1)} tokens: the training step is compiled for each of these ${lengths.length} lengths when it is needed.`;
}

/** The texts of a split, as they are read. */
interface TextList {
  readonly texts: string[];
  /** What the table of labels gave, or −1. */
  readonly labels: number[];
  readonly encodings: Encoding[];
  /** The first row that has no label. */
  withoutLabel: string | undefined;
}

interface Reading {
  readonly columns: TextColumns;
  /** Made when the first file has been looked into. */
  table?: LabelTable;
}

interface Found {
  readonly text: number;
  readonly pair?: number;
  readonly label?: number;
}

async function readTable(path: string, list: TextList, reading: Reading, tokenizer: Tokenizer, maxLength: number) {
  const { columns } = reading;
  const table = await openTextTable(path, !goByNumber(columns));
  const found = columnsAmong(table, columns, path);
  reading.table ??= labelsOf(table, found);
  const { text, pair = -1, label = -1 } = found;
  const before = list.labels.length;
  for await (const { row, values } of table.rows([text, pair, label])) {
    const where = () => `${path}, row ${row}`;
    const [first, second] = [textOf(values[0], where), found.pair === undefined ? undefined : textOf(values[1], where)];
    const written = labelText(values[2], where);
    const isKnown = written !== "" && written !== String(NO_LABEL);
    if (!isKnown) list.withoutLabel ??= where();
    list.labels.push(isKnown ? reading.table.add(written, where) : NO_LABEL);
    list.texts.push(second === undefined ? first : `${first}\n${second}`);
    list.encodings.push(tokenizer.encode(first, { pair: second, maxLength }));
    if (list.labels.length > MOST_IMAGES) throw new LimbeckError(`There are more than ${MOST_IMAGES} texts.`, { where: path });
  }
  if (list.labels.length === before) throw new LimbeckError("There are no texts.", { where: path, hint: "Write one in each row." });
}

function textOf(value: unknown, where: () => string): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  throw new LimbeckError("What should be a text is none.", { where: where(), hint: "Say which column holds texts, in columns.text." });
}

const labelsOf = (table: TextTable, { label }: Found): LabelTable => {
  const names = label === undefined ? undefined : table.classesOf(label);
  return names ? namedLabels(names) : labelTable();
};

/** @throws LimbeckError when a sample that is tested on has no label. */
function checkTested({ validation, test }: BySplit<TextList>): void {
  for (const [split, list] of Object.entries({ validation, test })) {
    if (list?.withoutLabel === undefined) continue;
    throw new LimbeckError(`A sample of the ${split} set has no label.`, {
      where: list.withoutLabel,
      hint: "Only training samples may lack one: name other files with `text: { train, validation, test }`.",
    });
  }
}

/** @throws LimbeckError when there are labels, and they tell no two classes apart or are no classes. */
function classesOf(table: LabelTable | undefined, where: string) {
  const finished = (table ?? labelTable()).finish(where);
  const [only, second] = finished.classes;
  const fractional = finished.classes.find((name) => !Number.isInteger(Number(name)));
  if (fractional !== undefined && finished.classes.every((name) => Number.isFinite(Number(name)))) {
    throw new LimbeckError(`Labels are numbers such as ${fractional}: regression isn't there yet.`, {
      where,
      hint: "Say which column holds classes, in columns.label.",
    });
  }
  if (only === undefined || second !== undefined) return finished;
  throw new LimbeckError(`There is one class only, "${only}".`, {
    where,
    hint: "A classifier needs two or more to tell apart: say which column holds them, in columns.label.",
  });
}

/** The lengths to pad to, as far as any text needs them. */
function lengthsOf(read: BySplit<TextList>, { buckets, length }: TextSource): Texts["lengths"] {
  const tokens = (list: TextList | undefined) => (list?.encodings ?? []).map(({ ids }) => ids.length);
  const longest = [read.train, read.validation, read.test].flatMap(tokens).reduce((most, count) => Math.max(most, count), 1);
  const train = tokens(read.train);
  const wanted = typeof buckets === "number" ? lengthsFor(train, buckets, longest, length) : buckets;
  return wanted.slice(0, 1 + wanted.findIndex((bucket) => bucket >= longest));
}

const goByNumber = (columns: TextColumns): boolean => Object.values(columns).some((column) => typeof column === "number");

function columnsAmong({ names }: TextTable, wanted: TextColumns, path: string): Found {
  const spelled = names.map((name) => name.trim().toLowerCase());
  const placeOf = (what: "text" | "pair" | "label", chosen: string | number): number => {
    const place = typeof chosen === "number" ? chosen : names.indexOf(chosen);
    if (names[place] !== undefined) return place;
    if (typeof chosen === "string") throw noColumn(what, chosen, names, path);
    throw new LimbeckError(`There is no column ${chosen}: there are ${names.length}, from 0.`, { where: path });
  };
  const usual = (among: readonly string[]) => {
    const place = spelled.indexOf(among.find((name) => spelled.includes(name)) ?? "");
    return place === -1 ? undefined : place;
  };
  const chosen = (what: "text" | "pair" | "label") => {
    const column = wanted[what];
    return column === undefined || column === false ? undefined : placeOf(what, column);
  };
  // Where columns go by number, there are no names.
  const isNumbered = goByNumber(wanted);
  const couple = pairNames.find((pair) => pair.every((name) => spelled.includes(name)));
  const paired = wanted.text === undefined && couple ? couple.map((name) => spelled.indexOf(name)) : [];
  const text = chosen("text") ?? paired[0] ?? (isNumbered ? undefined : usual(textNames));
  if (text === undefined) throw noText(names, path);
  return {
    text,
    pair: chosen("pair") ?? paired[1],
    label: chosen("label") ?? (isNumbered || wanted.label === false ? undefined : usual(labelNames)),
  };
}

function noText(names: readonly string[], where: string): LimbeckError {
  const { message, hint } = noColumn("text", undefined, names, where);
  return new LimbeckError(message, { where, hint: `${hint} Of a file without a header, give the columns' numbers, from 0.` });
}
