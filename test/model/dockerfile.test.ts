import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { dockerfileFor, entrypointOf } from "../../src/model/dockerfile.ts";

describe("the entry point", () => {
  test.each([
    ['FROM scratch\nENTRYPOINT ["/mount-monitor"]\n', "mount-monitor"],
    ['ENTRYPOINT ["/usr/bin/demo", "--port", "/dev"]', "usr/bin/demo"],
    ['  entrypoint\t[ "/demo" ]\n', "demo"],
    ['ENTRYPOINT ["/first"]\nCMD ["/other"]\nENTRYPOINT ["/last"]\n', "last"],
    ['ENTRYPOINT ["sh", "-c", "x"]\nENTRYPOINT ["/last"]\n', "last"],
    ['ENTRYPOINT \\\n  ["/demo"]\n', "demo"],
    ['ENTRYPOINT \\\r\n  ["/demo"]\r\n', "demo"],
    ['# ENTRYPOINT ["/comment"]\nENTRYPOINT ["/demo"]\n# ENTRYPOINT ["/comment"]\n', "demo"],
  ])("of %j is %s", (dockerfile, path) => {
    expect(entrypointOf(dockerfile)).toBe(path);
  });

  test.each([
    ["FROM scratch\n", "no ENTRYPOINT"],
    ["", "no ENTRYPOINT"],
    ['CMD ["/demo"]', "no ENTRYPOINT"],
    ['# ENTRYPOINT ["/demo"]', "no ENTRYPOINT"],
    ["ENTRYPOINT /demo --flag", 'the ENTRYPOINT "/demo --flag"'],
    ['ENTRYPOINT ["/first"]\nENTRYPOINT /demo\n', 'the ENTRYPOINT "/demo"'],
    ['ENTRYPOINT ["demo"]', String.raw`the ENTRYPOINT "[\"demo\"]"`],
    ["ENTRYPOINT []", 'the ENTRYPOINT "[]"'],
  ])("of %j is refused", (dockerfile, found) => {
    expect(() => entrypointOf(dockerfile)).toThrow(
      `Dockerfile.release has ${found}; it must be ENTRYPOINT ["/program"]`,
    );
  });
});

describe("the default Dockerfile", () => {
  test("starts the binary of its name, as nobody, and compiles nothing", async () => {
    const template = await readFile("Dockerfile.release", "utf8");
    expect(entrypointOf(template)).toBe("mount-monitor");
    const text = dockerfileFor("demo", template);
    expect(entrypointOf(text)).toBe("demo");
    expect(text).not.toContain("mount-monitor");
    const instructions = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    expect(instructions).toEqual([
      "FROM scratch",
      "ARG TARGETARCH",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the Dockerfile's own variable
      "COPY --chmod=0755 demo-linux-${TARGETARCH} /demo",
      "USER 65534:65534",
      "EXPOSE 8080",
      'ENTRYPOINT ["/demo"]',
    ]);
  });
});
