import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ARCHITECTURES, type Architecture } from "../../src/model/artifact.ts";
import { examineBinary, MACHINES, readExecutable, readGoString } from "../../src/model/elf.ts";
import { elfImage, type Image } from "./elf-image.ts";

const information = (architecture: Architecture, changes: Readonly<Record<string, string>> = {}) =>
  [
    "path\texample.com/tool/cmd/tool",
    "mod\texample.com/tool\t(devel)\t",
    "dep\texample.com/other\tv1.0.0\th1:abc=",
    ...Object.entries({ "-trimpath": "true", CGO_ENABLED: "0", GOARCH: architecture, GOOS: "linux", ...changes }).map(
      ([name, value]) => `build\t${name}=${value}`,
    ),
    "",
  ].join("\n");

function good(architecture: Architecture, changes: Partial<Image> = {}): Uint8Array {
  return elfImage({
    ...MACHINES[architecture],
    build: { goVersion: "go1.26.8", information: information(architecture) },
    variables: { "main.other": "9.9.9", "main.Version": "1.2.3" },
    ...changes,
  });
}

const expected = (architecture: Architecture) => ({
  architecture,
  version: "1.2.3",
  versionVariable: "main.Version",
  goVersion: "go1.26.8",
});

describe("examination", () => {
  test.each(ARCHITECTURES)("finds nothing wrong with a good binary for %s", (architecture) => {
    expect(examineBinary(good(architecture), expected(architecture))).toEqual([]);
  });

  test.each(
    ARCHITECTURES.flatMap((made) =>
      ARCHITECTURES.filter((wanted) => wanted !== made).map((wanted) => [made, wanted] as const),
    ),
  )("tells %s from %s", (made, wanted) => {
    expect(examineBinary(good(made), expected(wanted))).toEqual([
      `it is for ${made}, and must be for ${wanted}`,
      `it was built with GOARCH="${made}", and must be built with "${wanted}"`,
    ]);
  });

  test.each<[string, Partial<Image>, string[]]>([
    [
      "another version",
      { variables: { "main.Version": "1.2.4" } },
      ['main.Version in it is "1.2.4", and must be "1.2.3"'],
    ],
    [
      "a version with a v",
      { variables: { "main.Version": "v1.2.3" } },
      ['main.Version in it is "v1.2.3", and must be "1.2.3"'],
    ],
    [
      "a version that only begins so",
      { variables: { "main.Version": "1.2.3\n" } },
      ['main.Version in it is "1.2.3\\n", and must be "1.2.3"'],
    ],
    ["an empty version", { variables: { "main.Version": "" } }, ['main.Version in it is "", and must be "1.2.3"']],
    [
      "no such variable",
      { variables: { "main.Versions": "1.2.3", "other.Version": "1.2.3" } },
      [
        "it has no string variable main.Version, or never uses it; name the one that holds the version: pulumi config set versionVariable PACKAGE.NAME",
      ],
    ],
    ["no build information", { build: undefined }, ["it has no Go build information, so it is no Go program"]],
    [
      "another Go",
      { build: { goVersion: "go1.26.7", information: information("amd64") } },
      ['it was built with "go1.26.7", and must be built with "go1.26.8"'],
    ],
    [
      "other settings",
      {
        build: {
          goVersion: "go1.26.8",
          information: information("amd64", { CGO_ENABLED: "1", GOOS: "darwin", "-trimpath": "" }),
        },
      },
      [
        'it was built with GOOS="darwin", and must be built with "linux"',
        'it was built with CGO_ENABLED="1", and must be built with "0"',
        'it was built with -trimpath="", and must be built with "true"',
      ],
    ],
    [
      "a dynamic linker",
      { interpreter: "/lib64/ld-linux-x86-64.so.2" },
      ["it is not statically linked: it needs the dynamic linker /lib64/ld-linux-x86-64.so.2"],
    ],
    ["shared libraries", { dynamic: [5, 1, 0] }, ["it is not statically linked: it needs shared libraries"]],
    ["a dynamic section without libraries", { dynamic: [5, 0, 1] }, []],
    [
      "an unknown machine",
      { machine: 40, bits: 32 },
      ["it is for machine 40, 32 bits, little endian, and must be for amd64"],
    ],
  ] as [string, Partial<Image>, string[]][])("sees %s", (_, changes, problems) => {
    expect(examineBinary(good("amd64", changes), expected("amd64"))).toEqual(problems);
  });

  test("sees that the symbol table was stripped", () => {
    const { variables: _, ...stripped } = { ...MACHINES.amd64, variables: {} };
    const bytes = elfImage({ ...stripped, build: { goVersion: "go1.26.8", information: information("amd64") } });
    expect(examineBinary(bytes, expected("amd64"))).toEqual([
      "it has no symbol table (linked with -s?), so the embedded version cannot be checked",
    ]);
  });

  test("asks for no Go version that is not known", () => {
    const { goVersion: _, ...any } = expected("amd64");
    expect(
      examineBinary(good("amd64", { build: { goVersion: "go1.99", information: information("amd64") } }), any),
    ).toEqual([]);
  });

  test("names everything at once", () => {
    const bytes = elfImage({
      ...MACHINES.arm64,
      interpreter: "/lib/ld.so",
      dynamic: [1, 0],
      variables: { "main.Version": "0.0.1" },
    });
    expect(examineBinary(bytes, expected("amd64"))).toEqual([
      "it is for arm64, and must be for amd64",
      "it is not statically linked: it needs the dynamic linker /lib/ld.so",
      "it is not statically linked: it needs shared libraries",
      "it has no Go build information, so it is no Go program",
      'main.Version in it is "0.0.1", and must be "1.2.3"',
    ]);
  });

  test.each([
    ["nothing", new Uint8Array()],
    ["a script", new TextEncoder().encode("#!/bin/sh\nexec something-else\n")],
  ])("%s is no executable", (_, bytes) => {
    expect(examineBinary(bytes, expected("amd64"))).toEqual(["it is not an ELF executable"]);
  });
});

test("what an executable says about itself", () => {
  expect(readExecutable(good("s390x"))).toEqual({
    ok: true,
    value: {
      bits: 64,
      littleEndian: false,
      machine: 22,
      needsLibraries: false,
      build: {
        goVersion: "go1.26.8",
        path: "example.com/tool/cmd/tool",
        module: "example.com/tool",
        moduleVersion: "(devel)",
        settings: { "-trimpath": "true", CGO_ENABLED: "0", GOARCH: "s390x", GOOS: "linux" },
      },
    },
  });
});

test("a variable of a package with dots in its name", () => {
  const bytes = good("amd64", { variables: { "example.com/a.b/ver%2ex.Version": "3.2.1" } });
  expect(readGoString(bytes, "example.com/a.b/ver.x.Version")).toEqual({ ok: true, value: "3.2.1" });
});

describe("malformed executables are reported and never thrown on", () => {
  const images = fc.constantFrom(...ARCHITECTURES).map((architecture) => good(architecture));
  const problemsOf = (bytes: Uint8Array) => examineBinary(bytes, expected("amd64"));

  test("truncated ones", () => {
    fc.assert(
      fc.property(images, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (bytes, part) => {
        expect(problemsOf(bytes.subarray(0, Math.floor(bytes.length * part)))).not.toEqual([]);
      }),
    );
  });

  test("ones with changed bytes", () => {
    const change = fc.tuple(fc.nat({ max: 2000 }), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(images, fc.array(change, { minLength: 1, maxLength: 20 }), (bytes, changes) => {
        const changed = bytes.slice();
        for (const [at, value] of changes) {
          changed[at % changed.length] = value;
        }
        expect(problemsOf(changed)).toBeInstanceOf(Array);
      }),
      { numRuns: 2000 },
    );
  });

  test("random bytes behind an ELF header", () => {
    const header = fc
      .tuple(fc.constantFrom(1, 2), fc.constantFrom(1, 2))
      .map((kind) => [0x7f, 0x45, 0x4c, 0x46, ...kind]);
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 300 }), (start, rest) => {
        expect(problemsOf(Uint8Array.from([...start, ...rest]))).not.toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });
});
