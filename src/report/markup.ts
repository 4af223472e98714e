const text = Symbol("markup");

/** HTML that is safe to insert as it is. Only `html` makes it: the key is a symbol, so nothing that was read from JSON can pass for it. */
export interface Markup {
  readonly [text]: string;
}

export type Piece = string | number | Markup | undefined | false | readonly Piece[];

/**
 * A template whose insertions are escaped: strings and numbers become text, `Markup` stays markup, lists are joined, undefined and false
 * are left out. An insertion belongs between tags or inside a double-quoted attribute, nowhere else.
 */
export function html(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Markup {
  return { [text]: strings.reduce((before, after, index) => before + render(pieces[index - 1]) + after) };
}

export function toHtml(markup: Markup): string {
  return markup[text];
}

function render(piece: Piece): string {
  if (piece === undefined || piece === false) return "";
  if (Array.isArray(piece)) return piece.map(render).join("");
  if (typeof piece === "object" && text in piece) return piece[text];
  return escapeHtml(String(piece));
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function escapeHtml(value: string): string {
  return value.replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
}
