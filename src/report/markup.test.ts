import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { html, toHtml } from "./markup.ts";

describe("html", () => {
  test("escapes text, keeps markup, joins lists, leaves out what is absent", () => {
    const item = (name: string) => html`<li title="${name}">${name}</li>`;
    expect(toHtml(html`<ul>${["a<b", `"&'`].map(item)}${undefined}${false}${0}</ul>`)).toBe(
      `<ul><li title="a&lt;b">a&lt;b</li><li title="&quot;&amp;&#39;">&quot;&amp;&#39;</li>0</ul>`,
    );
  });

  test("text comes out as it went in, and with no character that means anything to HTML", () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.oneof(
            fc.constantFrom("&", "<", ">", '"', "'", "&amp;", "&lt;"),
            fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
          ),
        }),
        (text) => {
          const escaped = toHtml(html`${text}`);
          expect(escaped).not.toMatch(/[<>"']/);
          expect(unescaped(escaped)).toBe(text);
        },
      ),
    );
  });

  test("an object that looks like markup is not taken for it", () => {
    const forged = JSON.parse('{"markup":"<b>","Symbol(markup)":"<b>","text":"<b>"}');
    expect(toHtml(html`${forged}`)).toBe("[object Object]");
  });
});

function unescaped(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&amp;", "&");
}
