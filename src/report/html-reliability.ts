import type { ReliabilityBin } from "../measure/calibration.ts";
import type { Scores } from "../measure/scores.ts";
import { formatInteger, formatPercent, formatScalar } from "./format.ts";
import { html, type Markup } from "./markup.ts";

export interface ScoredModel {
  readonly title: string;
  readonly name: string;
  /** A colour by name (see `--tone` in the style). */
  readonly tone: string;
  readonly scores: Scores;
}

/** Whether models are as often right as they are sure: a diagram for each, then the numbers. */
export function reliability(models: readonly ScoredModel[]): Markup | undefined {
  if (models.length === 0) return undefined;
  const bins = models[0]?.scores.reliability.length ?? 0;
  return html`<section aria-labelledby="reliability"><h2 id="reliability">How sure, and how right</h2>
<p class="sub">Samples in ${bins} bins by the probability of the class predicted. A bar is how many of a bin are right; on the diagonal a
model is as often right as it is sure, and below it too sure. Hatched is how far it is from that. Underneath, how many samples are in each
bin.</p>
<div class="reliability${models.length === 1 ? " single" : ""}"><div class="diagrams">${models.map(diagram)}</div>${scoreTable(models)}</div>
</section>`;
}

const TICKS = [0, 0.25, 0.5, 0.75, 1];

function diagram({ title, name, tone, scores }: ScoredModel): Markup {
  const { reliability: bins, calibrationError } = scores;
  const most = Math.max(1, ...bins.map(({ samples }) => samples));
  const total = bins.reduce((sum, { samples }) => sum + samples, 0);
  const percent = (fraction: number): string => `${Number((100 * fraction).toFixed(2))}%`;
  const column = ({ samples, accuracy, confidence }: ReliabilityBin, bin: number): Markup => {
    const place = html`left:${percent(bin / bins.length)};width:${percent(1 / bins.length)}`;
    if (samples === 0) return html``;
    const [low, high] = [Math.min(accuracy, confidence), Math.max(accuracy, confidence)];
    const range = `${formatPercent(bin / bins.length, 0)} to ${formatPercent((bin + 1) / bins.length, 0)}`;
    const words = `${range} sure: ${formatInteger(samples)} samples, ${formatPercent(accuracy, 1)} right, ${formatPercent(confidence, 1)} sure`;
    const side = accuracy < confidence ? "over" : "under";
    return html`<div class="bin" style="${place}" title="${words}"><i style="height:${percent(accuracy)}"></i>
<u class="${side}" style="bottom:${percent(low)};height:${percent(high - low)}"></u></div>`;
  };
  // The root lets bins of few samples be seen beside that of nearly all.
  const count = ({ samples }: ReliabilityBin, bin: number): Markup | false =>
    samples > 0 &&
    html`<i style="left:${percent(bin / bins.length)};width:${percent(1 / bins.length)};height:${percent(Math.sqrt(samples / most))}"></i>`;
  const summary = `${title}: calibration error ${formatPercent(calibrationError)} on ${formatInteger(total)} samples.`;
  return html`<figure class="diagram tone-${tone}"><figcaption><h3>${title}</h3><span>${name}</span></figcaption>
<div class="frame" role="img" aria-label="${summary}">
<div class="y">${TICKS.map((tick) => html`<span style="bottom:${percent(tick)}">${formatPercent(tick, 0)}</span>`)}</div>
<div class="square"><svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true"><path d="M0 100L100 0"/></svg>${bins.map(column)}</div>
<div class="counts">${bins.map(count)}</div>
<div class="x">${TICKS.map((tick) => html`<span style="left:${percent(tick)}">${formatPercent(tick, 0)}</span>`)}</div>
</div>
<p class="note">how sure · calibration error ${formatPercent(calibrationError)}</p></figure>`;
}

/** Numbers of one kind for each model. */
function scoreTable(models: readonly ScoredModel[]): Markup {
  const row = (label: string, read: (scores: Scores) => number | undefined, format: (value: number) => string): Markup | false => {
    const values = models.map(({ scores }) => read(scores));
    if (values.every((value) => value === undefined)) return false;
    const cells = values.map((value) => html`<td>${format(value ?? Number.NaN)}</td>`);
    return html`<tr><th scope="row">${label}</th>${cells}</tr>
`;
  };
  const heads = models.map(({ title, tone }) => html`<th scope="col"><i class="key tone-${tone}"></i>${title}</th>`);
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Scores of the probabilities"><table class="comparison scores">
<thead><tr><td></td>${heads}</tr></thead><tbody>
${row("Top-5 accuracy", ({ topFive }) => topFive, formatPercent)}
${row("Cross-entropy, nats", ({ crossEntropy }) => crossEntropy, formatScalar)}
${row("Brier score", ({ brier }) => brier, formatScalar)}
${row("Calibration error", ({ calibrationError }) => calibrationError, formatPercent)}
${row("Best temperature, of half the samples", ({ scaling }) => scaling?.temperature, formatScalar)}
${row("Calibration error of the others", ({ scaling }) => scaling?.before, formatPercent)}
${row("… at that temperature", ({ scaling }) => scaling?.after, formatPercent)}
</tbody></table></div>`;
}
