import { Presets, SingleBar } from "cli-progress";
import pc from "picocolors";
import type { Phase, ProgressEvents } from "../distill/environment.ts";
import { formatDuration, formatPercent } from "../report/format.ts";
import type { EpochEvent, StepEvent } from "../train/fit.ts";

const titles: Record<Phase, string> = { student: "student ", baseline: "baseline" };

/** Shows a run on standard error: a bar with time left in a terminal, one line per epoch in a pipe, nothing when quiet. */
export function progressDisplay(quiet: boolean): ProgressEvents & { stop(): void } {
  if (quiet) return { stop: () => undefined };
  return process.stderr.isTTY ? barDisplay() : lineDisplay();
}

function lineDisplay(): ProgressEvents & { stop(): void } {
  return {
    onStage: (text) => console.error(text),
    onEpoch: (phase, event) => console.error(epochLine(phase, event)),
    stop: () => undefined,
  };
}

const REDRAW_MS = 100;

function barDisplay(): ProgressEvents & { stop(): void } {
  const bar = new SingleBar(
    {
      format: `{title} {bar} {percentage}% ${pc.dim("|")} {status}`,
      hideCursor: true,
      clearOnComplete: true,
      stream: process.stderr,
      barsize: 24,
    },
    Presets.shades_classic,
  );
  let running = false;
  let drawn = 0;
  const stop = () => {
    if (running) bar.stop();
    running = false;
  };
  return {
    stop,
    onStage: (text) => {
      stop();
      console.error(pc.bold(text));
    },
    onStep: (phase, event) => {
      // A step blocks the event loop, so the bar is drawn from here rather than by a timer.
      const now = performance.now();
      if (now - drawn < REDRAW_MS) return;
      drawn = now;
      const payload = { title: titles[phase], status: statusOf(event) };
      if (!running) bar.start(event.epochs * event.steps, 0, payload);
      running = true;
      bar.update(event.epoch * event.steps + event.step, payload);
    },
    onEpoch: (phase, event) => {
      stop();
      console.error(epochLine(phase, event));
    },
  };
}

function statusOf({ epoch, epochs, metrics, samplesPerSecond, secondsLeft }: StepEvent): string {
  return [
    `epoch ${epoch + 1}/${epochs}`,
    ...metricTexts(metrics),
    `${Math.round(samplesPerSecond)}/s`,
    `${formatDuration(secondsLeft)} left`,
  ].join(" · ");
}

function epochLine(phase: Phase, event: EpochEvent): string {
  const width = String(event.epochs).length;
  const parts = [...metricTexts(event.metrics)];
  if (event.validation) parts.push(`validation ${formatPercent(event.validation.accuracy)}${event.best ? " *" : "  "}`);
  parts.push(
    `${Math.round(event.samplesPerSecond)} samples/s`,
    `${formatDuration((event.seconds / event.epoch) * (event.epochs - event.epoch))} left`,
  );
  return `${titles[phase]} ${String(event.epoch).padStart(width)}/${event.epochs}  ${parts.join("  ")}`;
}

function metricTexts({ accuracy = 0, loss: _, ...losses }: Readonly<Record<string, number>>): string[] {
  return [...Object.entries(losses).map(([name, value]) => `${name} ${value.toFixed(4)}`), `train ${formatPercent(accuracy)}`];
}
