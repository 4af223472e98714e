import { Presets, SingleBar } from "cli-progress";
import type { Progress } from "../data/progress.ts";
import type { Phase, ProgressEvents } from "../distill/environment.ts";
import { formatDuration, formatInteger, formatPercent } from "../report/format.ts";
import { printableLines } from "../report/terminal-text.ts";
import type { EpochEvent, StepEvent } from "../train/fit.ts";
import { colorsFor } from "./output.ts";

export interface ProgressDisplay extends ProgressEvents {
  /** A line about something that is done. */
  onLine(text: string): void;
  /** Takes the bar away, for what is printed next. */
  stop(): void;
}

/** Shows a run on standard error: a bar with time left in a terminal, one line per epoch in a pipe, nothing when quiet. */
export function progressDisplay(quiet: boolean, stream: NodeJS.WriteStream = process.stderr): ProgressDisplay {
  if (quiet) return { onLine: () => undefined, stop: () => undefined };
  return stream.isTTY ? barDisplay(stream) : lineDisplay(stream);
}

function lineDisplay(stream: NodeJS.WriteStream): ProgressDisplay {
  const onLine = (text: string) => void stream.write(`${printableLines(text)}\n`);
  return {
    onStage: onLine,
    onNotice: onLine,
    onEpoch: (phase, event) => void stream.write(`${[...epochParts(phase, event), `${formatDuration(timeLeft(event))} left`].join(GAP)}\n`),
    onLine,
    stop: () => undefined,
  };
}

const REDRAW_MS = 100;
const BAR_WIDTH = 10;
const GAP = "  ";

function barDisplay(stream: NodeJS.WriteStream): ProgressDisplay {
  // The terminal's cursor and line wrapping stay as they are, because nothing would bring them back when the process is killed.
  const options = { format: "{bar} {status}", barsize: BAR_WIDTH, stream, clearOnComplete: true, hideCursor: false, linewrap: true };
  const bar = new SingleBar(options, Presets.shades_classic);
  const colors = colorsFor(stream);
  let running = false;
  let drawn = 0;
  const stop = () => {
    if (running) bar.stop();
    running = false;
  };
  // Work blocks the event loop, so the bar is drawn from here rather than by a timer.
  const draw = (done: number, total: number, parts: readonly string[]) => {
    const now = performance.now();
    if (now - drawn < REDRAW_MS) return;
    drawn = now;
    const percent = `${Math.floor((100 * done) / total)}%`.padStart(4);
    const payload = { status: asManyAsFit([percent, ...parts], stream.columns - BAR_WIDTH - 2) };
    if (running) bar.update(done, payload);
    else bar.start(total, done, payload);
    running = true;
  };
  const onProgress = (event: Progress) => {
    draw(event.done, event.total, progressParts(event));
    if (event.done === event.total) stop();
  };
  return {
    stop,
    onStage: (text) => {
      stop();
      stream.write(`${colors.bold(printableLines(text))}\n`);
    },
    onNotice: (text) => {
      stop();
      stream.write(`${colors.yellow(printableLines(text))}\n`);
    },
    onLine: (text) => {
      stop();
      stream.write(`${printableLines(text)}\n`);
    },
    onDecode: onProgress,
    onLabel: onProgress,
    onStep: (_, event) => draw(event.epoch * event.steps + event.step, event.epochs * event.steps, stepParts(event)),
    onEpoch: (phase, event) => {
      stop();
      stream.write(`${asManyAsFit(epochParts(phase, event), stream.columns - 1)}\n`);
    },
  };
}

/** What counts most comes first: in a narrow terminal the parts that find no room are left out. */
function asManyAsFit(parts: readonly string[], width: number): string {
  return parts.reduce((line, part) => (line.length + GAP.length + part.length <= width ? `${line}${GAP}${part}` : line));
}

function stepParts({ epoch, epochs, metrics, samplesPerSecond, secondsLeft }: StepEvent): string[] {
  const { accuracy, losses } = split(metrics);
  return [
    `epoch ${epoch + 1}/${epochs}`,
    `${clock(secondsLeft)} left`,
    ...(accuracy === undefined ? [] : [`train ${formatPercent(accuracy, 1)}`]),
    ...losses.map(([name, value]) => `${name} ${value.toPrecision(3)}`),
    `${Math.round(samplesPerSecond)}/s`,
  ];
}

function progressParts({ done, total, samplesPerSecond, secondsLeft }: Progress): string[] {
  const [reached, all] = [formatInteger(done), formatInteger(total)];
  return [`${clock(secondsLeft)} left`, `${reached.padStart(all.length)} of ${all} samples`, `${Math.round(samplesPerSecond)}/s`];
}

function epochParts(phase: Phase, event: EpochEvent): string[] {
  const { accuracy, losses } = split(event.metrics);
  const { epoch, epochs, validation, best, samplesPerSecond } = event;
  return [
    `${phase.padEnd(8)} ${String(epoch).padStart(String(epochs).length)}/${epochs}`,
    ...(accuracy === undefined ? [] : [`train ${formatPercent(accuracy, 1)}`]),
    ...(validation && Number.isFinite(validation.accuracy) ? [`validation ${formatPercent(validation.accuracy)} ${best ? "*" : " "}`] : []),
    ...losses.map(([name, value]) => `${name} ${value.toPrecision(4)}`),
    `${Math.round(samplesPerSecond)} samples/s`,
  ];
}

function split({ accuracy, loss: _, ...losses }: Readonly<Record<string, number>>) {
  return { accuracy, losses: Object.entries(losses) };
}

const timeLeft = ({ seconds, epoch, epochs }: EpochEvent): number => (seconds / epoch) * (epochs - epoch);

/** `0:28`, `12:05`, `3:07:12`: as wide from one second to the next. */
function clock(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const pair = (value: number) => String(value).padStart(2, "0");
  return `${hours > 0 ? `${hours}:${pair(minutes)}` : minutes}:${pair(whole % 60)}`;
}
