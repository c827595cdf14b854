import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Clone, makeClone } from "./clone.ts";
import { openWorld } from "./world.ts";

const REPOSITORY = "me/greeter";
const MODULE = {
  "go.mod": "module example.com/me/greeter\n\ngo 1.26.0\n",
  "main.go": `package main

import (
	"fmt"
	"os"
)

var Version = "dev"

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		fmt.Println(Version)
		return
	}
	fmt.Println("hello")
}
`,
  "main_test.go": 'package main\n\nimport "testing"\n\nfunc TestNothing(*testing.T) {}\n',
};
const DOCKERFILE = `FROM scratch
ARG TARGETARCH
COPY --chmod=0755 greeter-linux-\${TARGETARCH} /bin/hello
USER 1234:1234
ENTRYPOINT ["/bin/hello"]
`;

describe("a Go module of somebody else", () => {
  let clone: Clone;
  let directory: string;

  beforeAll(async () => {
    clone = await makeClone("other-source");
    directory = await mkdtemp(join(tmpdir(), "sources-"));
  });
  afterAll(async () => {
    await Promise.all([clone.remove(), rm(directory, { recursive: true })]);
  });

  const place = async (name: string, files: Readonly<Record<string, string>>) => {
    for (const [file, text] of Object.entries(files)) {
      await mkdir(dirname(join(directory, name, file)), { recursive: true });
      await writeFile(join(directory, name, file), text);
    }
    return join(directory, name);
  };
  const git = (cwd: string, ...args: string[]) =>
    execa("git", ["-c", "user.name=Me", "-c", "user.email=me@example.com", ...args], { cwd });
  const release = (source: string) => clone.start(["--source", source, "--set", `repository=${REPOSITORY}`]);
  const binaries = (artifacts: readonly { name: string }[]) => artifacts.map(({ name }) => name);

  test("in a git repository, at its root, with a Dockerfile of its own", async () => {
    const source = await place("greeter", { ...MODULE, "Dockerfile.release": DOCKERFILE });
    await git(source, "init", "-q");
    await git(source, "add", "-A");
    await git(source, "commit", "-q", "-m", "feat: greet");

    const { outputs, shown } = await release(source);
    expect(shown).not.toContain("is not in a git checkout");
    expect(outputs).toMatchObject({
      version: "1.0.0",
      commit: (await git(source, "rev-parse", "HEAD")).stdout,
      channels: { latest: "1.0.0", "1": "1.0.0", "1.0": "1.0.0" },
    });
    expect(binaries(outputs.artifacts)).toEqual(["greeter-linux-amd64", "greeter-linux-arm64"]);
    await using world = await openWorld(clone.path, REPOSITORY);
    expect(await world.imageConfig("v1.0.0", "linux/amd64")).toMatchObject({
      User: "1234:1234",
      Entrypoint: ["/bin/hello"],
      Labels: { "org.opencontainers.image.source": `https://github.com/${REPOSITORY}` },
    });
    for (const { architecture, checksum } of outputs.artifacts) {
      expect(await world.binaryInImage("v1.0.0", `linux/${architecture}`, "bin/hello")).toBe(checksum);
    }
    expect((await release(source)).shown).toMatch(/Resources:\n\s+\d+ unchanged(\n|$)/);
  });

  test("outside of any git checkout: released as it is, and it is said so", async () => {
    const source = await place("loose", {
      ...MODULE,
      "cmd/greeter/main.go": MODULE["main.go"],
      "main.go": "package x\n",
    });
    await rm(join(source, "main_test.go"));
    const asked = ["--reset", "--source", source, "--set", `repository=${REPOSITORY}`];
    const { outputs, shown } = await clone.start(asked);
    expect(shown).toContain(`${source} is not in a git checkout: it is released as it is`);
    expect(binaries(outputs.artifacts)).toEqual(["greeter-linux-amd64", "greeter-linux-arm64"]);
    {
      await using world = await openWorld(clone.path, REPOSITORY);
      // Without a Dockerfile of its own it gets the default one, under its own name.
      expect(await world.imageConfig("v1.0.0", "linux/arm64")).toMatchObject({
        User: "65534:65534",
        Entrypoint: ["/greeter"],
      });
    }
    expect((await release(source)).shown).toMatch(/Resources:\n\s+\d+ unchanged(\n|$)/);
    expect((await clone.start(asked)).outputs.commit).toBe(outputs.commit);
  });
});
