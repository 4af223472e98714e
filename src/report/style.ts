/**
 * The page's style sheet. Each colour is written once for light and once for dark; `color-scheme` picks. Teacher, baseline and student are
 * grey, orange and blue throughout, which the common colour-vision deficiencies keep apart; loss terms have their own set, and dashes.
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: light-dark(#fcfcfb, #121417);
  --raised: light-dark(#ffffff, #191c20);
  --ink: light-dark(#15181c, #e8eaed);
  --soft: light-dark(#586069, #a0a8b2);
  --hair: light-dark(#e3e5e8, #2b3036);
  --teacher: light-dark(#6b7480, #98a2ae);
  --baseline: light-dark(#c2570c, #f0954a);
  --student: light-dark(#0065ad, #5fb3f3);
  --term-0: light-dark(#007a5e, #3ec9a0);
  --term-1: light-dark(#8a4ba8, #c796e3);
  --term-2: light-dark(#9a6b00, #e0b53f);
  --term-3: light-dark(#b23a6b, #f08bb0);
  --term-4: light-dark(#2f6f9f, #86bfe8);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif;
  font-variant-numeric: tabular-nums;
  -webkit-text-size-adjust: 100%;
}
:root:has(#theme-light:checked) { color-scheme: light; }
:root:has(#theme-dark:checked) { color-scheme: dark; }
* { box-sizing: border-box; margin: 0; padding: 0; }
body { background: var(--page); color: var(--ink); overflow-wrap: anywhere; }
main, nav, footer { width: min(66rem, 100% - 2.5rem); margin-inline: auto; }
section { margin-top: 5rem; }
h2 { font-size: 1.5rem; font-weight: 650; letter-spacing: -.015em; line-height: 1.25; text-wrap: balance; }
h3 { font-size: 1rem; font-weight: 600; }
.sub { color: var(--soft); max-width: 44rem; margin: .35rem 0 1.5rem; }
ul { list-style: none; }
small { font-size: .8125rem; }
:focus-visible { outline: 2px solid var(--student); outline-offset: 2px; border-radius: 2px; }
.tone-teacher { --tone: var(--teacher); } .tone-baseline { --tone: var(--baseline); } .tone-student { --tone: var(--student); }
.tone-plain, .tone-relative { --tone: var(--ink); }
.tone-term-0 { --tone: var(--term-0); } .tone-term-1 { --tone: var(--term-1); } .tone-term-2 { --tone: var(--term-2); }
.tone-term-3 { --tone: var(--term-3); } .tone-term-4 { --tone: var(--term-4); }

nav { display: flex; justify-content: space-between; align-items: center; padding-block: 1.25rem; }
.brand { font-weight: 650; letter-spacing: -.01em; }
.theme { border: 1px solid var(--hair); border-radius: 99px; padding: 2px; display: flex; font-size: .8125rem; background: var(--raised); }
.theme legend, .theme input { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.theme label { padding: .2rem .75rem; border-radius: 99px; color: var(--soft); cursor: pointer; }
.theme label:hover { color: var(--ink); }
.theme input:checked + label { background: var(--ink); color: var(--page); }
.theme input:focus-visible + label { outline: 2px solid var(--student); outline-offset: 2px; }

.headline { margin-top: 3.5rem; }
.eyebrow { color: var(--student); font-size: .8125rem; font-weight: 600; letter-spacing: .06em; text-transform: uppercase; }
h1 { font-size: clamp(2.25rem, 6vw, 3.5rem); font-weight: 700; letter-spacing: -.03em; line-height: 1.08; margin-top: .5rem; }
h1 small { display: block; font-size: clamp(1.125rem, 2.5vw, 1.375rem); font-weight: 400; letter-spacing: -.01em; color: var(--soft);
  margin-top: .6rem; line-height: 1.3; }
.lede { font-size: clamp(1.125rem, 2.4vw, 1.375rem); line-height: 1.5; max-width: 46rem; margin-top: 1.75rem; color: var(--soft);
  text-wrap: pretty; }
.lede strong { color: var(--ink); font-weight: 600; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 1px; margin-top: 3rem; background: var(--hair);
  border-block: 1px solid var(--hair); }
.tiles li { background: var(--page); padding: 1.4rem 1.25rem 1.4rem 0; display: grid; }
.tiles li + li { padding-left: 1.5rem; }
.tiles b { font-size: clamp(2rem, 4.6vw, 2.9rem); font-weight: 600; letter-spacing: -.035em; line-height: 1.1; }
.tiles span { font-weight: 500; margin-top: .25rem; }
.tiles small { color: var(--soft); }

.bars li { display: grid; grid-template-columns: 11rem 1fr 8.5rem; gap: 1.5rem; align-items: center; padding: .85rem 0;
  border-top: 1px solid var(--hair); }
.bars li:last-child { border-bottom: 1px solid var(--hair); }
.bars .who, .bars .score { display: grid; line-height: 1.35; }
.bars span { color: var(--soft); font-size: .8125rem; }
.bars .score { text-align: right; }
.bars b { font-weight: 600; }
.bars .score b { font-size: 1.25rem; letter-spacing: -.015em; }
.bars .student b { color: var(--student); }
.bar { position: relative; height: 1.5rem; }
.bar i { position: absolute; inset: 0 auto 0 0; background: var(--tone); border-radius: 0 3px 3px 0; opacity: .85; }
.bar u { position: absolute; top: 50%; border-top: 1.5px solid var(--ink); }
.bar u::before, .bar u::after { content: ""; position: absolute; top: -5px; height: 8.5px; border-left: 1.5px solid var(--ink); }
.bar u::before { left: 0; } .bar u::after { right: 0; }
.facts { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; margin-top: 1.25rem; color: var(--soft); }
.facts b { color: var(--ink); font-weight: 600; }

.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9375rem; overflow-wrap: break-word; }
th { font-weight: 500; text-align: left; }
td { text-align: right; white-space: nowrap; }
.comparison { width: 100%; table-layout: fixed; }
.comparison:not(:has(.ratio)) { max-width: 44rem; }
.comparison th, .comparison td { padding: .45rem 0 .45rem 1rem; }
.comparison :is(th, td):first-child { padding-left: 0; }
.comparison .detail th { padding-left: 1rem; color: var(--soft); font-weight: 400; }
.comparison thead th { text-align: right; vertical-align: bottom; line-height: 1.35; font-weight: 600;
  border-bottom: 1px solid var(--ink); }
.comparison thead td { border-bottom: 1px solid var(--ink); }
.comparison thead small { display: block; font-weight: 400; color: var(--soft); }
.comparison .group th { padding-top: 1.5rem; font-size: .8125rem; font-weight: 600; color: var(--soft); border: 0; }
.comparison tbody tr:not(.group) > * { border-bottom: 1px solid var(--hair); }
.comparison td.student { font-weight: 650; }
.comparison td.ratio { color: var(--soft); }
.key { display: inline-block; width: 18px; margin-right: .45rem; vertical-align: .25em; border-top: 2.5px solid var(--tone); }
.key.dashed { border-top-style: dashed; border-top-width: 2px; }

.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 3rem 2.5rem; margin-top: 1.75rem; }
.chart { min-width: 0; }
.chart.wide { grid-column: 1 / -1; }
.chart figcaption { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: .25rem 1.5rem;
  margin-bottom: .9rem; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; font-size: .8125rem; color: var(--soft); }
.plot { display: grid; grid-template: 12rem 1.6rem / 3.4rem 1fr; font-size: .75rem; color: var(--soft); line-height: 1; }
.wide .plot { grid-template-rows: 20rem 1.6rem; }
.plot .y, .plot .x, .plot .area { position: relative; }
.plot .y span { position: absolute; right: .7rem; transform: translateY(-50%); white-space: nowrap; }
.plot .x { grid-column: 2; }
.plot .x span { position: absolute; top: .6rem; transform: translateX(-50%); white-space: nowrap; }
.plot svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
.plot path { fill: none; vector-effect: non-scaling-stroke; stroke-linecap: round; stroke-linejoin: round; }
.grid { stroke: var(--hair); stroke-width: 1; }
.line { stroke: var(--tone); stroke-width: 2; }
.line.dashed { stroke-width: 1.5; stroke-dasharray: 2 5; }
.points .line, .line.dots { stroke-width: 7; stroke-dasharray: none; }
.note { font-size: .75rem; color: var(--soft); padding-left: 3.4rem; margin-top: .35rem; }
.at { position: absolute; inset-block: 0; }
.rule { position: absolute; inset-block: 0; border-left: 1px solid var(--soft); display: none; pointer-events: none; z-index: 1; }
.at:hover .rule { display: block; }
.dot { position: absolute; left: -.5px; width: 9px; height: 9px; border-radius: 50%; background: var(--tone);
  border: 2px solid var(--page); transform: translate(-50%, -50%); }
.reading { position: absolute; top: .5rem; left: .75rem; display: grid; grid-template-columns: auto auto; gap: .45rem 1.25rem;
  width: max-content; max-width: 18rem;
  padding: .7rem .85rem; background: var(--raised); border: 1px solid var(--hair); border-radius: 6px;
  box-shadow: 0 4px 16px rgb(0 0 0 / .12); color: var(--ink); }
.reading.leftward { left: auto; right: .75rem; }
.reading b { grid-column: 1 / -1; font-weight: 600; }
.reading span:nth-of-type(even) { text-align: right; }
details { margin-top: 1.75rem; }
details + details { margin-top: .5rem; }
summary { cursor: pointer; color: var(--soft); font-size: .9375rem; }
summary:hover { color: var(--ink); }
.epochs { font-size: .8125rem; margin-top: .75rem; width: 100%; }
.epochs th, .epochs td { padding: .25rem 0 .25rem 1.25rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--hair); }
.epochs th:first-child { padding-left: 0; }
.epochs thead th { color: var(--soft); }

.confusion { display: grid; grid-template-columns: minmax(0, auto) minmax(16rem, 1fr); gap: 2rem 3.5rem; align-items: start; }
.matrix { font-size: .8125rem; border-collapse: separate; border-spacing: 2px; }
.matrix td { width: 2.6rem; height: 2.3rem; text-align: center; border-radius: 3px;
  background: color-mix(in srgb, var(--hair) 35%, transparent); }
.matrix thead td, .matrix .recall { background: none; }
.matrix th { color: var(--soft); text-align: center; padding: 0 .5rem 0 0; font-weight: 500; }
.matrix thead th { padding: 0 0 .25rem; }
.matrix thead th span { display: block; max-width: 2.6rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
  margin-inline: auto; }
.matrix tbody th { text-align: right; max-width: 9rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.matrix .recall { padding-left: .75rem; width: auto; white-space: nowrap; color: var(--soft); text-align: right; }
.matrix .right { background: color-mix(in srgb, var(--student) calc(6% + 20% * var(--strength)), transparent); }
.matrix .wrong { background: color-mix(in srgb, var(--baseline) calc(6% + 44% * var(--strength)), transparent); }
.matrix td[title]:hover { outline: 2px solid var(--ink); outline-offset: -1px; }
.matrix tbody tr:hover th { color: var(--ink); font-weight: 650; }
.confusion:has(.heat) { grid-template-columns: minmax(0, 34rem) minmax(16rem, 1fr); }
.heat { width: 100%; aspect-ratio: 1; border: 1px solid var(--hair); background: var(--raised); }
.heat .right { fill: color-mix(in srgb, var(--student) calc(20% + 60% * var(--strength)), var(--raised)); }
.heat .wrong { fill: color-mix(in srgb, var(--baseline) calc(25% + 75% * var(--strength)), var(--raised)); }
.heat rect:hover { stroke: var(--ink); stroke-width: 1; vector-effect: non-scaling-stroke; }
.mistakes table { width: 100%; font-size: .875rem; margin-top: .5rem; }
.mistakes th { color: var(--soft); font-size: .8125rem; }
.mistakes th, .mistakes td { padding: .35rem 0 .35rem 1rem; text-align: left; border-bottom: 1px solid var(--hair); white-space: normal; }
.mistakes :is(th, td):first-child { padding-left: 0; }
.mistakes :is(th, td):nth-child(n + 3) { text-align: right; white-space: nowrap; }
.meter { display: inline-flex; width: 5rem; margin-left: .75rem; vertical-align: .1em; }
.meter i { height: .4rem; background: var(--baseline); opacity: .8; border-radius: 2px; }

.classes { font-size: .875rem; }
.classes th, .classes td { padding: .35rem 0 .35rem 1.5rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--hair); }
.classes :is(th, td):first-child { padding-left: 0; text-align: left; max-width: 16rem; overflow: hidden; text-overflow: ellipsis; }
.classes thead th { color: var(--soft); font-size: .8125rem; }
.classes tbody th { font-weight: 600; }
.classes :is(th, td):nth-child(6) { text-align: left; }
.classes tfoot > tr > * { color: var(--soft); font-weight: 500; border-bottom: none; }
.classes .meter { width: 8rem; margin-left: 0; }

.diagrams { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)); gap: 2.5rem; max-width: 62rem; }
.diagram { max-width: 24rem; min-width: 0; }
.diagram figcaption { display: flex; gap: .75rem; align-items: baseline; margin-bottom: .9rem; }
.diagram figcaption span { color: var(--soft); font-size: .8125rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.frame { display: grid; grid-template: auto 2.5rem 1.6rem / 3.4rem 1fr; font-size: .75rem; color: var(--soft); line-height: 1; }
.frame .y, .frame .x, .square, .counts { position: relative; }
.frame .y span { position: absolute; right: .7rem; transform: translateY(50%); }
.frame .x { grid-column: 2; }
.frame .x span { position: absolute; top: .6rem; transform: translateX(-50%); white-space: nowrap; }
.square { aspect-ratio: 1; border: 1px solid var(--hair); }
.square svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.square path { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 3 4; vector-effect: non-scaling-stroke; }
.bin { position: absolute; inset-block: 0; }
.bin:hover { background: color-mix(in srgb, var(--hair) 50%, transparent); }
.bin i { position: absolute; inset: auto 1px 0; background: var(--tone); opacity: .8; }
.bin u { position: absolute; inset-inline: 1px; }
.bin .over { background: repeating-linear-gradient(135deg, var(--tone) 0 1px, transparent 1px 5px); }
.bin .under { background: repeating-linear-gradient(135deg, var(--page) 0 1px, transparent 1px 5px); }
.counts { grid-column: 2; border-bottom: 1px solid var(--hair); margin-top: .35rem; }
.counts i { position: absolute; bottom: 0; border-inline: 1px solid var(--page); background: var(--tone); opacity: .45; }
.scores { margin-top: 2.5rem; }
.reliability.single { display: grid; grid-template-columns: minmax(0, 22rem) minmax(0, 1fr); gap: 3.5rem; align-items: start; }
.compared.compared { max-width: none; table-layout: auto; }
.compared tbody th { white-space: nowrap; }
.compared tbody tr:last-child > * { padding-bottom: 1.1rem; }

.point { position: absolute; width: 11px; height: 11px; border-radius: 50%; transform: translate(-50%, -50%); background: var(--page);
  border: 2px solid var(--tone); }
.point.front { background: var(--tone); }
.point span { position: absolute; left: 50%; bottom: 13px; transform: translateX(-50%); white-space: nowrap; color: var(--ink);
  font-size: .75rem; }
.point.below span { bottom: auto; top: 13px; }
.point.leftmost span { left: -2px; transform: none; }
.point.rightmost span { left: auto; right: -2px; transform: none; }
.star { text-decoration: none; margin-left: .25rem; color: var(--student); font-weight: 650; }
.latencies h3 { margin: 2rem 0 .6rem; }
.notes { max-width: 44rem; margin-top: .75rem; }
.notes li + li { margin-top: .6rem; }

.count { color: var(--soft); font-weight: 400; margin-left: .35rem; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: 1.25rem 1rem; margin: .9rem 0 2.5rem; }
.gallery:has(blockquote) { grid-template-columns: repeat(auto-fill, minmax(min(16rem, 100%), 1fr)); }
.gallery li { min-width: 0; }
.gallery img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; image-rendering: pixelated; background: #000;
  border-radius: 5px; }
.gallery blockquote { font-size: .875rem; max-height: 8rem; overflow: auto; padding: .6rem .75rem; border: 1px solid var(--hair);
  border-radius: 5px; }
.gallery dl { font-size: .8125rem; margin-top: .5rem; line-height: 1.5; }
.gallery dl div { display: flex; gap: .5rem; }
.gallery dt { color: var(--soft); width: 3.4rem; flex: none; }
.gallery dd { font-weight: 600; min-width: 0; }
.gallery dd small { font-weight: 400; font-size: inherit; color: var(--soft); }
.gallery .right dd { color: var(--student); }
.tick { margin-left: .3rem; }

.protocol { max-width: 44rem; margin: .75rem 0 2rem; white-space: pre-line; }
.setup { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 2rem 3rem; }
.setup h3 { margin-bottom: .6rem; }
pre { font: .8125rem/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; padding: 1.1rem 1.25rem;
  border: 1px solid var(--hair); border-radius: 6px;
  background: var(--raised); overflow-x: auto; overflow-wrap: normal; }
.pairs { font-size: .9375rem; }
.pairs div { display: flex; justify-content: space-between; gap: 1.5rem; padding: .35rem 0; border-bottom: 1px solid var(--hair); }
.pairs dt { color: var(--soft); flex: none; }
.pairs dd { text-align: right; }
footer { margin-top: 5rem; padding-block: 1.5rem 3rem; border-top: 1px solid var(--hair); color: var(--soft); font-size: .8125rem; }

@media (max-width: 56rem) {
  .confusion, .confusion:has(.heat), .setup, .reliability.single { grid-template-columns: minmax(0, 1fr); }
}
@media (max-width: 40rem) {
  section { margin-top: 3.5rem; }
  .headline { margin-top: 2rem; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .tiles li, .tiles li + li { padding: 1.1rem .75rem 1.1rem 0; }
  .tiles li:nth-child(even) { padding-left: 1.1rem; }
  .bars li { grid-template-columns: 1fr auto; gap: .5rem 1rem; }
  .bar { grid-row: 2; grid-column: 1 / -1; height: 1rem; }
  .wide .plot { grid-template-rows: 15rem 1.6rem; }
  .comparison { font-size: .8125rem; table-layout: auto; }
  .comparison thead th { overflow-wrap: anywhere; }
  .comparison .detail th { padding-left: .6rem; }
  .comparison th, .comparison td { padding-left: .4rem; }
  .comparison .ratio { display: none; }
  .comparison thead .key { display: none; }
  .reading { max-width: 12.5rem; column-gap: .6rem; padding: .5rem .6rem; font-size: .6875rem; }
  .matrix { border-spacing: 1px; font-size: .6875rem; letter-spacing: -.02em; table-layout: fixed; width: 100%; }
  .matrix td { width: auto; height: 1.9rem; }
  .matrix th:first-child { width: auto; padding-right: .3rem; }
  .matrix .recall { display: none; }
  .meter { width: 3rem; }
  .gallery { grid-template-columns: repeat(auto-fill, minmax(7rem, 1fr)); }
}
@media print {
  :root, :root:has(#theme-dark:checked) { color-scheme: light; --page: #fff; font-size: 11px; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main, nav, footer { width: 100%; }
  .theme, details { display: none; }
  section { margin-top: 2.5rem; }
  .scroll { overflow: visible; }
  .chart, .bars, .tiles, .comparison, .confusion, .gallery li { break-inside: avoid; }
  h2, h3, .sub { break-after: avoid; }
}
`;
