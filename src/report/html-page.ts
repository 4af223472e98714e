import { html, type Markup, toHtml } from "./markup.ts";
import { STYLE } from "./style.ts";

/**
 * One HTML file that needs nothing else: no network, no script. The colours follow the system or the switch on the page, which is radio
 * buttons and CSS. The policy in its head makes browsers refuse whatever should ever slip through the escaping.
 */
export function htmlPage({ title, main, footer }: { readonly title: string; readonly main: Markup; readonly footer: string }): string {
  const body = toHtml(html`<body>
<nav aria-label="Page"><span class="brand">Limbeck</span>${themeSwitch()}</nav>
<main>
${main}
</main>
<footer>${footer}</footer>
</body>`);
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
${toHtml(html`<title>${title} · Limbeck</title>`)}
<style>${STYLE}</style>
</head>
${body}
</html>
`;
}

function themeSwitch(): Markup {
  const choice = (id: string, name: string, checked?: "checked"): Markup =>
    html`<input type="radio" name="theme" id="theme-${id}" autocomplete="off"${checked && html` checked`}>
<label for="theme-${id}">${name}</label>
`;
  const choices = [choice("auto", "Auto", "checked"), choice("light", "Light"), choice("dark", "Dark")];
  return html`<fieldset class="theme"><legend>Colours</legend>${choices}</fieldset>`;
}
