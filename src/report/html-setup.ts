import { stringify } from "yaml";
import { formatBytes, formatDuration, formatInteger } from "./format.ts";
import { html, type Markup } from "./markup.ts";
import type { Report } from "./report.ts";

/** What somebody needs to do the run again. */
export function setup(report: Report): Markup {
  const { recipe, protocol, machine, versions, seed, epochs, seconds } = report;
  const facts: readonly (readonly [string, string])[] = [
    ["Processor", `${machine.cpu}, ${machine.cores} ${machine.cores === 1 ? "core" : "cores"}`],
    ["Memory", formatBytes(machine.memoryBytes)],
    ["System", machine.os],
    ["Limbeck", versions.limbeck],
    ["ONNX Runtime", versions.onnxruntime],
    ["Node", versions.node],
    ["Seed", String(seed)],
    ["Epochs", formatInteger(epochs)],
    ["Time", formatDuration(seconds)],
  ];
  const pairs = facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`);
  return html`<section aria-labelledby="setup"><h2 id="setup">How it was done</h2>
<p class="protocol">${protocol}</p>
<div class="setup"><div><h3>Recipe</h3><pre tabindex="0" aria-label="Recipe">${stringify(recipe, { lineWidth: 0 })}</pre></div>
<div><h3>Machine and versions</h3><dl class="pairs">${pairs}</dl></div></div></section>`;
}
