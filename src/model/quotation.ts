const LONGEST = 80;
const LONGEST_LINE = 300;
// What looks like a token or a password is not repeated, wherever it was put by mistake.
const TOKEN = /(?:gh[a-z]_|github_pat_)\w+|(?<=:\/\/)[^/@\s]*(?=@)/g;
// Controls, direction and zero-width marks, other line ends, halves of characters, and what has no meaning yet.
const HIDDEN = /(?![\n\t])[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * A value from outside for a message: in quotes and in ASCII, so that a look-alike or a hidden character is seen, and cut,
 * with its length said: `"\u{430}bc"`, `"aaa…"… (1000000 characters)`.
 */
export function quoted(value = "", longest = LONGEST): string {
  const plain = value.replace(TOKEN, "***");
  const text = JSON.stringify(plain.slice(0, longest)).replace(/[^ -~]/gu, escaped);
  return plain.length > longest ? `${text}… (${value.length} characters)` : text;
}

/** A plain name, path, digest or address stays as it is; anything else is quoted. */
export function shown(name: string): string {
  return /^[\w./@:+-]{1,250}$/.test(name) ? name : quoted(name, 250);
}

/** A whole message: its lines stay, and no other hidden character in it does anything to a terminal or a reader. */
export function visible(message: string): string {
  return message.replace(HIDDEN, escaped);
}

/** What somebody else says, in one line of at most 300 characters. */
export function oneLine(text: string): string {
  return visible(text.replace(/\s+/g, " ").trim().slice(0, LONGEST_LINE));
}

/** What an error says, for a person. */
export function messageOf(error: unknown): string {
  return visible(error instanceof Error ? error.message : String(error));
}

function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}
