import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseArtifact } from "../../src/model/artifact.ts";
import { parseBuildRequest } from "../../src/model/build-request.ts";
import { parseChecksums } from "../../src/model/checksums.ts";
import { parseSettings } from "../../src/model/configuration.ts";
import { entrypointOf } from "../../src/model/dockerfile.ts";
import { licenseOf } from "../../src/model/labels.ts";
import { parseMarker } from "../../src/model/marker.ts";
import { parseMetadata } from "../../src/model/metadata.ts";
import { parseReference, parseRepository } from "../../src/model/reference.ts";
import { NAMESPACE } from "../../src/model/setting.ts";
import { toolchainOf } from "../../src/model/toolchain.ts";
import { parseTag, parseVersion } from "../../src/model/version.ts";
import { markOf } from "../../src/model/withdrawal.ts";
import { parseChallenge } from "../../src/services/registry/challenge.ts";

const request = (text: string) =>
  parseBuildRequest({ RELEASE_COMMIT: text, RELEASE_PREFIX: text, RELEASE_PACKAGE: text, RELEASE_VERIFY_ARGS: text });
const PARSERS = {
  parseArtifact,
  parseBuildRequest: request,
  parseChallenge,
  parseChecksums,
  parseMarker,
  parseMetadata,
  parseReference,
  parseRepository,
  parseTag,
  parseVersion,
  entrypointOf,
  licenseOf,
  markOf,
  toolchainOf,
} as const;

/** Texts of which a careless pattern tries every part with every other. */
const REPEATED = [
  "a",
  "0",
  "-",
  ".",
  "/",
  "./a/",
  "a.a-",
  "[",
  '"',
  "{",
  '{"',
  "\\",
  "\n",
  " ",
  "<!-- ",
  "go 1.",
  "%",
  "a=b,",
  ":",
];

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.json(),
  fc
    .tuple(fc.constantFrom(...REPEATED), fc.nat(50), fc.string({ unit: "binary", maxLength: 5 }))
    .map(([part, count, end]) => part.repeat(count) + end),
);

describe.each(Object.entries(PARSERS))("%s", (_name, parse: (text: string) => unknown) => {
  const outcome = (value: string) => {
    try {
      parse(value);
    } catch (error) {
      return error;
    }
    return undefined;
  };

  test("reads or refuses any text, in a message that is short and hides nothing", () => {
    fc.assert(
      fc.property(text, (value) => {
        const error = outcome(value);
        expect(error instanceof TypeError || error instanceof RangeError).toBe(false);
        if (error instanceof Error) {
          expect(error.message.length).toBeLessThan(8_000);
          expect(error.message).not.toMatch(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/u);
        }
      }),
    );
  });

  test("is done with a long text at once, whatever is repeated in it", () => {
    for (const part of REPEATED) {
      const begun = process.cpuUsage();
      outcome(`${part.repeat(Math.ceil(200_000 / part.length))}\u0000`);
      const { user } = process.cpuUsage(begun);
      // A quadratic pattern takes minutes for it, a linear one milliseconds.
      expect(user / 1e6, JSON.stringify(part)).toBeLessThan(5);
    }
  });
});

describe("a setting that is accepted", () => {
  const configured = (key: string, value: string) =>
    parseSettings({
      config: {
        [`${NAMESPACE}:repository`]: "octo/app",
        [`${NAMESPACE}:image`]: "ghcr.io/octo/app",
        [`${NAMESPACE}:${key}`]: value,
      },
      environment: {},
    });
  const plain = /^(?!-)[\w.:/+@~-]+$/;
  const SAFE: Readonly<Record<string, RegExp>> = {
    repository: plain,
    version: plain,
    commit: plain,
    package: plain,
    binaryName: plain,
    versionVariable: plain,
    image: plain,
    builder: plain,
    branch: plain,
    organization: plain,
    // Any language, but nothing that a shell, a pattern or an expression of a workflow would take for its own.
    source: /^(?!-)[^\p{C}\p{Zl}\p{Zp}'"`$*?[\]{}!\\]+$/u,
    githubUrl: /^https?:\/\/[\w.:[\]-]+\/?$/,
    backend: /^(?:https|s3|azblob|gs):\/\/[!-~]+$/,
  };
  // Near enough to what is right that some are accepted.
  const near: Readonly<Record<string, string[]>> = {
    repository: ["octo/app"],
    version: ["1.0.0"],
    package: ["./cmd/x"],
    versionVariable: ["main.Version"],
    image: ["ghcr.io/octo/app"],
    githubUrl: ["https://github.com", "http://127.0.0.1:1"],
    backend: ["s3://bucket", "https://api.pulumi.com"],
  };

  test.each(Object.entries(SAFE))("%s has nothing that means something elsewhere", (key, safe) => {
    const piece = fc.oneof(
      fc.constantFrom(..."-./:;|&$`'\"\\ \n*?[]{}!#@~%+=\u202e\u0430aA0"),
      fc.string({ unit: "binary", maxLength: 3 }),
    );
    const value = fc
      .tuple(piece, fc.constantFrom(...(near[key] ?? ["name"])), piece, fc.boolean())
      .map(([before, right, after, first]) => (first ? `${before}${right}${after}` : `${right}${after}`));
    let accepted = 0;
    fc.assert(
      fc.property(value, (candidate) => {
        const read = configured(key, candidate);
        if (read.ok) {
          accepted++;
          // An address is used as it was understood.
          expect(key === "githubUrl" ? read.settings.githubUrl : candidate).toMatch(safe);
        }
      }),
      { numRuns: 500 },
    );
    expect(accepted === 0 && key !== "commit").toBe(false);
  });
});
