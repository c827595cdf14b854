import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatChecksums, parseChecksums } from "../../src/model/checksums.ts";
import { hexadecimal } from "./arbitrary.ts";

const A = "a".repeat(64);
const B = "b".repeat(64);

describe("formatChecksums", () => {
  test("sorts by name, as the C locale does", () => {
    expect(
      formatChecksums([
        { name: "m-linux-arm64", checksum: B },
        { name: "m-linux-amd64", checksum: A },
        { name: "Z", checksum: A },
      ]),
    ).toBe(`${A}  Z\n${A}  m-linux-amd64\n${B}  m-linux-arm64\n`);
  });

  test.each([["../x"], ["a b"], ["a\nb"], ["a\\b"], [""], ["-c"], ["*a"], ["é"], [".hidden"]])(
    "refuses the name %j",
    (name) => {
      expect(() => formatChecksums([{ name, checksum: A }])).toThrow(
        `${JSON.stringify(name).replace("é", "\\u{e9}")} cannot stand in checksums.txt`,
      );
    },
  );

  test.each([["", "A".repeat(64), "a".repeat(63), `sha256:${A}`]])("refuses the checksum %j", (checksum) => {
    expect(() => formatChecksums([{ name: "m", checksum }])).toThrow("not 64 lower-case hexadecimal digits");
  });

  test("refuses a name that is there twice", () => {
    expect(() =>
      formatChecksums([
        { name: "m", checksum: A },
        { name: "m", checksum: B },
      ]),
    ).toThrow("m has two checksums");
  });

  test("sha256sum itself accepts the file, and would notice another byte", () => {
    const directory = mkdtempSync(join(tmpdir(), "checksums-"));
    try {
      const names = ["mount-monitor-linux-arm64", "mount-monitor-linux-amd64"];
      const lines = names.map((name) => {
        writeFileSync(join(directory, name), name);
        return { name, checksum: createHash("sha256").update(name).digest("hex") };
      });
      writeFileSync(join(directory, "checksums.txt"), formatChecksums(lines));
      const check = () =>
        execFileSync("sha256sum", ["--check", "--strict", "checksums.txt"], {
          cwd: directory,
          encoding: "utf8",
          stdio: "pipe",
        });
      expect(check()).toBe("mount-monitor-linux-amd64: OK\nmount-monitor-linux-arm64: OK\n");
      writeFileSync(join(directory, "mount-monitor-linux-arm64"), "other");
      expect(check).toThrow();
      const written = execFileSync("sha256sum", ["mount-monitor-linux-amd64"], { cwd: directory, encoding: "utf8" });
      expect(formatChecksums(lines).startsWith(written)).toBe(true);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe("parseChecksums", () => {
  const line = fc.record({ name: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/), checksum: hexadecimal(64) });

  test("round trip", () => {
    fc.assert(
      fc.property(fc.uniqueArray(line, { minLength: 1, maxLength: 6, selector: ({ name }) => name }), (lines) => {
        expect(parseChecksums(formatChecksums(lines))).toEqual({
          ok: true,
          checksums: new Map(lines.map(({ name, checksum }) => [name, checksum])),
        });
      }),
    );
  });

  test("reads binary mode, which other tools write", () => {
    expect(parseChecksums(`${A} *m\n`)).toEqual({ ok: true, checksums: new Map([["m", A]]) });
  });

  test("names all problems with their lines", () => {
    expect(parseChecksums(`${A}  m\n${B}  m\n${A} m\n\n${A.toUpperCase()}  n\n${A}  ../n\n${A}  n\r\n${A}  o`)).toEqual(
      {
        ok: false,
        problems: [
          "checksums.txt ends within a line",
          "line 2 of checksums.txt names m again",
          `line 3 of checksums.txt is not "<SHA-256>  <name>": "${A} m"`,
          'line 4 of checksums.txt is not "<SHA-256>  <name>": ""',
          `line 5 of checksums.txt is not "<SHA-256>  <name>": "${A.toUpperCase()}  n"`,
          `line 6 of checksums.txt is not "<SHA-256>  <name>": "${A}  ../n"`,
          `line 7 of checksums.txt is not "<SHA-256>  <name>": "${A}  n\\r"`,
        ],
      },
    );
  });

  test("an empty file is not a file without problems", () => {
    expect(parseChecksums("")).toEqual({ ok: false, problems: ["checksums.txt is empty"] });
  });

  test("never throws", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => typeof parseChecksums(text).ok === "boolean"));
  });
});
