import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Kit, provisionKit } from "../../kit/provision.ts";
import { type Services, startServices } from "../../rehearsal/services/services.ts";
import { temporaryDirectory } from "../services/temporary.ts";

const COMMAND = join(import.meta.dirname, "../../src/commands/runner.ts");

let kit: Kit;
let services: Services;
let local: string;
let address: string;
beforeAll(async () => {
  kit = await provisionKit({ report: () => {}, only: ["buildkitd", "buildx", "registry"] });
  local = await mkdtemp(join(tmpdir(), "runner-"));
  services = await startServices({ local, kit, report: () => {} });
  const instance = await readFile(join(services.dockerConfig, "buildx/instances", services.builder), "utf8");
  address = JSON.parse(instance).Nodes[0].Endpoint;
}, 20 * 60_000);
afterAll(async () => {
  await services?.stop();
  await rm(local, { recursive: true, force: true });
});

/** The command as the pre-run calls it, on a machine with nothing but buildx, in the environment of a run. */
async function runner(environment: Record<string, string>) {
  const home = await temporaryDirectory();
  const env = { HOME: home, PATH: `${kit.bin}:/usr/bin:/bin`, ...environment };
  const again = () => execa(process.execPath, [COMMAND], { cwd: local, env, extendEnv: false, reject: false });
  return { home, env, again, result: await again() };
}

test("the project's own Node comes first on the PATH, and its pulumi does not", async () => {
  const { exitCode, stdout } = (await runner({})).result;
  expect(exitCode).toBe(0);
  expect(stdout).toBe(`PATH=${local}/node_modules/node/bin:${kit.bin}:/usr/bin:/bin`);
  const node = join(import.meta.dirname, "../../node_modules/node/bin");
  expect((await execa(join(node, "node"), ["--version"])).stdout).toBe("v24.21.0");
  expect((await execa("ls", [node])).stdout.split("\n")).not.toContain("pulumi");
});

test("a run of a tag leaves the Repository component out, another run does not", async () => {
  const { result } = await runner({ PULUMI_CI_TAG_NAME: "v1.2.3" });
  expect(result.stdout.split("\n")[1]).toBe("PULUMI_OPTION_EXCLUDE=**mount-monitor:release:Repository**");
  expect((await runner({ PULUMI_CI_BRANCH_NAME: "main" })).result.stdout.split("\n")).toHaveLength(1);
});

test("buildx builds with the BuildKit at BUILDKIT_HOST when no builder is named, also a second time", async () => {
  const { env, again, result } = await runner({ BUILDKIT_HOST: address });
  expect(result).toMatchObject({ exitCode: 0, stderr: `BuildKit v0.31.1 answers at ${address}` });
  expect((await again()).exitCode).toBe(0);
  const { stdout } = await execa("buildx", ["inspect"], { env, extendEnv: false });
  expect(stdout).toMatch(/^Name: +mount-monitor$/m);
  expect(stdout).toMatch(/^Driver: +remote$/m);
  expect(stdout.match(/^Endpoint: .*$/gm)).toEqual([expect.stringContaining(address)]);
});

test("a BuildKit that does not answer ends the run, named; its certificates are kept for nobody else", {
  timeout: 120_000,
}, async () => {
  const pems = { BUILDKIT_CA: "ca-of-the-test", BUILDKIT_CERT: "cert-of-the-test", BUILDKIT_KEY: "key-of-the-test" };
  const { home, result } = await runner({ BUILDKIT_HOST: "tcp://127.0.0.1:1", ...pems });
  expect(result).toMatchObject({ exitCode: 1, stdout: "" });
  expect(result.stderr).toMatch(
    /^BUILDKIT_HOST is "tcp:\/\/127\.0\.0\.1:1", and no BuildKit answers there: set it in Pulumi\.STACK\.deploy\.yaml, and run: npm run deployments\n/,
  );
  expect(result.stderr).not.toContain("key-of-the-test");
  const instance = JSON.parse(await readFile(join(home, ".docker/buildx/instances/mount-monitor"), "utf8"));
  const files = ["cacert", "cert", "key"].map((name) => join(home, ".mount-monitor", `${name}.pem`));
  expect(instance.Nodes[0].DriverOpts).toMatchObject({ cacert: files[0], cert: files[1], key: files[2] });
  for (const [index, file] of files.entries()) {
    expect(await readFile(file, "utf8")).toBe(Object.values(pems)[index]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  }
});
