import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { EXAMPLE_REPOSITORY, settingIn, stackFile } from "../../src/model/stack-file.ts";

const committed = () => readFile("Pulumi.prod.yaml", "utf8");
const repository = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}[a-z0-9]\/[A-Za-z0-9._-]{1,20}$/);

test("a new file is the committed one with another repository", async () => {
  expect(stackFile(undefined, { repository: EXAMPLE_REPOSITORY })).toBe(await committed());
  expect(stackFile(undefined, { repository: "Octo/Tool" })).toBe(
    (await committed())
      .replace(`ghcr.io/${EXAMPLE_REPOSITORY}`, "ghcr.io/octo/tool")
      .replace(EXAMPLE_REPOSITORY, "Octo/Tool"),
  );
});

describe("a file that is there", () => {
  const text = `# mine
encryptionsalt: v1:salt
config:
  mount-monitor:githubToken:
    secure: v1:sealed
  # about the repository
  mount-monitor:repository: octo/old # here
  other:setting:   "kept as it is"
`;

  test("keeps comments, secrets and all other settings", () => {
    const changed = stackFile(text, { repository: "octo/new", githubUrl: undefined });
    expect(changed).toContain("mount-monitor:repository: octo/new # here");
    expect(changed).toContain("# mine\n");
    expect(changed).toContain("  # about the repository\n");
    expect(parse(changed)).toEqual({
      ...parse(text),
      config: { ...parse(text).config, "mount-monitor:repository": "octo/new" },
    });
  });

  test("is given back byte by byte when it says the same, however it is laid out", () => {
    expect(stackFile(text, { repository: "octo/old" })).toBe(text);
  });

  test("gets what it lacks, also from nothing but a salt", () => {
    expect(
      parse(stackFile("encryptionsalt: v1:salt\n", { repository: "octo/new", githubUrl: "https://ghe.example.com" })),
    ).toEqual({
      encryptionsalt: "v1:salt",
      config: { "mount-monitor:repository": "octo/new", "mount-monitor:githubUrl": "https://ghe.example.com" },
    });
  });
});

test("what was written is read, and written again the same", () => {
  fc.assert(
    fc.property(repository, repository, (first, second) => {
      const once = stackFile(stackFile(undefined, { repository: first }), { repository: second });
      expect(settingIn(once, "repository")).toBe(second);
      expect(stackFile(once, { repository: second })).toBe(once);
    }),
  );
});

test("an encrypted setting is none in clear text", () => {
  expect(settingIn("config:\n  mount-monitor:githubToken:\n    secure: v1:x\n", "githubToken")).toBeUndefined();
  expect(settingIn("", "repository")).toBeUndefined();
});
