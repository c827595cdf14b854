/** Longest text that stands in one line of a list. */
const LONGEST = 250;

// Control characters, and those that turn the direction of text round, so that it reads as something else.
const HIDDEN = /[\p{Cc}\p{Zl}\p{Zp}\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+/gu;
const SPECIAL = /[\\`*_[\]<>~|$&]/g;
// Only at the start of an item: a heading, a list in the list, a quotation or a rule.
const LEADING = /^(?:[-+=]|#(?=#|\s|$)|\d+(?=[.)]))/;
const ENTITIES: Readonly<Record<string, string>> = { "<": "&lt;", ">": "&gt;", "&": "&amp;" };

/**
 * Untrusted text as one line of Markdown that shows the same characters and does nothing: no mark-up, no HTML, no
 * comment, no link and nobody mentioned. `#12` stays what GitHub makes of it. Cut at 250 characters.
 */
export function plainText(text: string): string {
  const line = text.toWellFormed().replace(HIDDEN, " ").replace(/\s+/gu, " ").trim();
  const characters = [...line];
  const cut = characters.length > LONGEST ? `${characters.slice(0, LONGEST).join("")}…` : line;
  const escaped = cut
    .replace(SPECIAL, (character) => ENTITIES[character] ?? `\\${character}`)
    // A backslash does not keep GitHub from mentioning or linking; an invisible character in between does.
    .replace(/@(?=[A-Za-z0-9])/g, "@&#8203;")
    .replace(/:(?=\/\/)/g, ":&#8203;")
    .replace(/\bwww\.(?=\S)/gi, (match) => `${match}&#8203;`);
  return escaped.replace(LEADING, (start) => (/^\d/.test(start) ? `${start}\\` : `\\${start}`));
}
