import * as fc from "fast-check";

const number = fc.nat({ max: 30 });
const part = fc.oneof(fc.nat({ max: 99 }).map(String), fc.stringMatching(/^[a-z][0-9a-z-]{0,5}$/));

/** A stable version. Small numbers, so that two of them are often of the same line. */
export const stableVersion: fc.Arbitrary<string> = fc.tuple(number, number, number).map((numbers) => numbers.join("."));

/** A prerelease such as `1.2.0-rc.1`. */
export const prereleaseVersion: fc.Arbitrary<string> = fc
  .tuple(stableVersion, fc.array(part, { minLength: 1, maxLength: 3 }))
  .map(([version, parts]) => `${version}-${parts.join(".")}`);

/** A stable version or a prerelease. */
export const anyVersion: fc.Arbitrary<string> = fc.oneof(stableVersion, prereleaseVersion);

/** A lower-case hexadecimal text of exactly that many digits. */
export function hexadecimal(digits: number): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: digits, maxLength: digits });
}
