/**
 * A value as JSON that can stand inside of an HTML comment, where neither `--` nor `>` may: JSON can write both in
 * another way.
 */
export function commentJson(value: unknown): string {
  return JSON.stringify(value).replace(/[<>]|-(?=-)/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
