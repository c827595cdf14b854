import { join } from "node:path";
import { execa } from "execa";
import { afterEach, describe, expect, test, vi } from "vitest";
import { goBuild, goEnvironment, goTest, goVersion, linkerFlags } from "../../src/services/go.ts";
import { moduleIn, tinyModule } from "./module.ts";
import { testRepository, writeFiles } from "./repository.ts";
import { temporaryDirectory } from "./temporary.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("the environment of Go", () => {
  test("closes every choice, whatever the caller's says", async () => {
    const hostile = {
      ...{ GOFLAGS: "-tags=evil", GOWORK: "/evil/go.work", GOAMD64: "v3", GOARM64: "v9.0", GOEXPERIMENT: "rangefunc" },
      ...{
        GOENV: "/dev/null",
        CGO_ENABLED: "1",
        GOTOOLCHAIN: "auto",
        GODEBUG: "gctrace=1",
        GOROOT_FINAL: "/evil",
        CC: "evil",
      },
      ...{
        GOFIPS140: "latest",
        GOOS: "plan9",
        GOARCH: "mips",
        GITHUB_TOKEN: "secret",
        PULUMI_CONFIG_PASSPHRASE: "secret",
      },
    };
    for (const [name, value] of Object.entries(hostile)) {
      vi.stubEnv(name, value);
    }
    const environment = await goEnvironment("go1.26.8");
    expect(environment).toMatchObject({
      ...{
        GOFLAGS: "",
        GOWORK: "off",
        GOAMD64: "v1",
        GOARM64: "v8.0",
        GOEXPERIMENT: "",
        GOENV: "off",
        CGO_ENABLED: "0",
      },
      ...{ GOTOOLCHAIN: "go1.26.8", GOFIPS140: "off" },
    });
    for (const name of [
      "GODEBUG",
      "GOROOT_FINAL",
      "CC",
      "GOOS",
      "GOARCH",
      "GITHUB_TOKEN",
      "PULUMI_CONFIG_PASSPHRASE",
    ]) {
      expect(environment).not.toHaveProperty(name);
    }
    expect(environment.PATH).toBe(process.env.PATH);
  });

  test("passes on how modules are reached, also what `go env -w` keeps", async () => {
    const directory = await temporaryDirectory();
    await writeFiles(directory, {
      env: "GOPROXY=https://proxy.example.com\nGOPRIVATE=example.com/ours\nGOFLAGS=-tags=evil\n",
    });
    vi.stubEnv("GOENV", join(directory, "env"));
    vi.stubEnv("GOPROXY", undefined);
    vi.stubEnv("GOPRIVATE", undefined);
    vi.stubEnv("GOCACHE", join(directory, "cache"));
    vi.stubEnv("HTTPS_PROXY", "http://proxy.example.com:3128");
    const environment = await goEnvironment("local");
    expect(environment).toMatchObject({
      GOPROXY: "https://proxy.example.com",
      GOPRIVATE: "example.com/ours",
      GOCACHE: join(directory, "cache"),
      HTTPS_PROXY: "http://proxy.example.com:3128",
      GOENV: "off",
      GOFLAGS: "",
    });
  });

  test("without Go on the PATH there is an error with the fix", async () => {
    vi.stubEnv("PATH", await temporaryDirectory());
    await expect(goEnvironment("local")).rejects.toThrow(
      "go is not on the PATH, and this run has to build: install Go",
    );
  });
});

describe("the version of Go", () => {
  const installed = async () =>
    (await execa("go", ["env", "GOVERSION"], { env: { GOTOOLCHAIN: "local" }, cwd: "/" })).stdout;

  test("is the installed one where go.mod pins none, or pins that", async () => {
    const { directory, commit } = await testRepository();
    const version = await installed();
    const first = await commit("first", {
      ...tinyModule,
      ...moduleIn("app", { "go.mod": `module x\n\ngo 1.26\n\ntoolchain ${version}\n` }),
    });
    expect(await goVersion(directory, first, "")).toBe(version);
    expect(await goVersion(directory, first, "app")).toBe(version);
  });

  test("is looked for when another one is pinned", async () => {
    const { directory, commit } = await testRepository();
    const first = await commit("first", { "go.mod": "module x\n\ngo 1.26\n\ntoolchain go1.26.9999\n" });
    vi.stubEnv("GOPROXY", "off");
    await expect(goVersion(directory, first, "")).rejects.toThrow("go1.26.9999");
  });

  test("needs a go.mod", async () => {
    const { directory, commit } = await testRepository();
    const first = await commit("first", { "go.mod": "module x\n" });
    await expect(goVersion(directory, first, "app")).rejects.toThrow(`commit ${first} has no app/go.mod: commit it`);
  });
});

describe("linker flags", () => {
  test("embed the version and keep the symbol table", () => {
    expect(linkerFlags("example.com/a.b/version.Version", "1.2.3-rc.1")).toBe(
      "-w -buildid= -X example.com/a.b/version.Version=1.2.3-rc.1",
    );
  });

  test.each(["Version", "main.", ".Version", "main.Version -s", "main.Version'", "main.a=b", "main.a/b", ""])(
    "variable %j is refused",
    (variable) => {
      expect(() => linkerFlags(variable, "1.2.3")).toThrow(`versionVariable "${variable}" is no Go variable`);
    },
  );

  test.each(["1.2.3 -s", "", "1.2.3'"])("version %j is refused", (version) => {
    expect(() => linkerFlags("main.Version", version)).toThrow(`version "${version}" is not a semantic version`);
  });
});

describe("the tests of a module", () => {
  const tested = async (files: Readonly<Record<string, string>>) => {
    const directory = await temporaryDirectory();
    await writeFiles(directory, { ...tinyModule, "lib/lib.go": "package lib\n", ...files });
    const written = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const result = await goTest({ directory, toolchain: "local", trimPaths: true });
    const output = written.mock.calls.map(([chunk]) =>
      typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk),
    );
    written.mockRestore();
    return { result, output: output.join("") };
  };

  test("pass", async () => {
    expect((await tested({})).result).toEqual({ passed: true, packages: 1, untested: 1 });
  });

  test("are red, with their output", async () => {
    const broken = tinyModule["cmd/tiny/main_test.go"].replace('!= "dev"', '== "dev"');
    const { result, output } = await tested({ "cmd/tiny/main_test.go": broken });
    expect(result).toEqual({ passed: false, packages: 0, untested: 1 });
    expect(output).toContain("Version is dev");
  });

  test("are red when vet finds a mistake", async () => {
    const wrong = 'package lib\n\nimport "fmt"\n\nfunc F() string { return fmt.Sprintf("%d", "text") }\n';
    const call = 'package lib\n\nimport "testing"\n\nfunc TestF(t *testing.T) { F() }\n';
    const { result } = await tested({ "lib/lib.go": wrong, "lib/lib_test.go": call });
    expect(result.passed).toBe(false);
  });
});

test("what does not compile is an error with the compiler's words", async () => {
  const directory = await temporaryDirectory();
  await writeFiles(directory, {
    ...tinyModule,
    "cmd/tiny/main.go": "package main\n\nfunc main() { undefinedName() }\n",
  });
  const request = {
    directory,
    package: "./cmd/tiny",
    output: join(directory, "out"),
    architecture: "arm64",
    toolchain: "local",
    ldflags: linkerFlags("main.Version", "1.0.0"),
  } as const;
  await expect(goBuild(request)).rejects.toThrow(
    /^go build failed \(\.\/cmd\/tiny for linux\/arm64\):\n[\s\S]*undefined: undefinedName/,
  );
  await expect(goBuild({ ...request, package: "./missing" })).rejects.toThrow("./missing for linux/arm64");
});
