import { expect, it } from "vitest";
import { duration } from "../../kit/duration.ts";

it.each([
  [0, "0.0 s"],
  [449, "0.4 s"],
  [9_949, "9.9 s"],
  [9_950, "10 s"],
  [59_499, "59 s"],
  [59_500, "1 min 0 s"],
  [185_000, "3 min 5 s"],
])("duration of %d ms", (milliseconds, text) => {
  expect(duration(milliseconds)).toBe(text);
});
