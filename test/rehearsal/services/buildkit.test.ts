import { createHash } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import https from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Kit, provisionKit } from "../../../kit/provision.ts";
import { executablesOnPath } from "../../../kit/search-path.ts";
import { type Services, startServices } from "../../../rehearsal/services/services.ts";
import { startTime } from "../../../src/services/liveness.ts";

// The kit may have to be built first.
const KIT_MS = 20 * 60_000;
const hasRunc = ["runc", "buildkit-runc"].some((name) => executablesOnPath(name).length > 0);
const EPOCH = "1700000000";

let directory: string;
let context: string;
let kit: Kit;
let services: Services;

beforeAll(async () => {
  kit = await provisionKit({ report: () => {}, only: ["buildkitd", "buildx", "registry"] });
  directory = await mkdtemp(join(tmpdir(), "services-"));
  context = join(directory, "context");
  services = await start();
  await writeContext("first");
}, KIT_MS);

afterAll(async () => {
  await services?.stop();
  await rm(directory, { recursive: true, force: true });
});

const start = () => startServices({ local: join(directory, "local"), kit, report: () => {} });

async function writeContext(binary: string): Promise<void> {
  await rm(context, { recursive: true, force: true });
  await execa("mkdir", [context]);
  for (const architecture of ["amd64", "arm64"]) {
    await writeFile(join(context, `program-${architecture}`), `${binary} for ${architecture}`);
    await chmod(join(context, `program-${architecture}`), 0o755);
  }
  await writeFile(
    join(context, "Dockerfile"),
    'FROM scratch\nARG TARGETARCH\nCOPY program-$TARGETARCH /program\nUSER 65534\nENTRYPOINT ["/program"]\n',
  );
}

/** Builds both platforms and gives the digest that buildx reports. */
async function build(output: string): Promise<string> {
  const metadata = join(directory, "metadata.json");
  await execa(
    join(kit.bin, "buildx"),
    [
      ["build", "--builder", services.builder, "--platform", "linux/amd64,linux/arm64", "--provenance=false"],
      ["--build-arg", `SOURCE_DATE_EPOCH=${EPOCH}`, "--output", output, "--metadata-file", metadata, context],
    ].flat(),
    { env: services.env },
  );
  return JSON.parse(await readFile(metadata, "utf8"))["containerimage.digest"];
}

interface Answer {
  readonly status: number | undefined;
  readonly body: Buffer;
}

async function get(path: string, ca?: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const url = `https://${services.registry.address}${path}`;
    const headers = { accept: "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json" };
    https
      .get(url, { headers, ...(ca === undefined ? {} : { ca }), agent: false }, async (response) => {
        resolve({ status: response.statusCode, body: Buffer.concat(await response.toArray()) });
      })
      .on("error", reject);
  });
}

const digestOf = (bytes: Buffer) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

describe("registry and builder", () => {
  it("push an image for two platforms whose digest is known without a push", { timeout: 60_000 }, async () => {
    const name = `${services.registry.address}/example/program:v1`;
    const file = join(directory, "image.tar");
    const exported = await build(`type=oci,dest=${file},rewrite-timestamp=true`);
    const pushed = await build(`type=image,push=true,rewrite-timestamp=true,name=${name}`);
    expect(pushed).toBe(exported);

    const ca = await readFile(services.registry.ca);
    const index = await get("/v2/example/program/manifests/v1", ca);
    expect(digestOf(index.body)).toBe(pushed);
    const platforms = JSON.parse(index.body.toString()).manifests.map(
      ({ platform }: { platform: { os: string; architecture: string } }) => `${platform.os}/${platform.architecture}`,
    );
    expect(platforms).toEqual(["linux/amd64", "linux/arm64"]);

    const log = await readFile(services.registry.accessLog, "utf8");
    const requests = log
      .split("\n")
      .map((line) => /"([A-Z]+ \S+) HTTP\/[\d.]+" (\d{3})/.exec(line)?.slice(1).join(" "));
    expect(requests.filter((request) => request === "PUT /v2/example/program/manifests/v1 201")).toHaveLength(1);
    expect(requests.filter((request) => request === "GET /v2/example/program/manifests/v1 200")).toHaveLength(1);
  });

  it("give another digest for another binary of the same size", { timeout: 60_000 }, async () => {
    const output = `type=oci,dest=${join(directory, "image.tar")},rewrite-timestamp=true`;
    await writeContext("aaaaa");
    const first = await build(output);
    await writeContext("bbbbb");
    expect(await build(output)).not.toBe(first);
    await writeContext("aaaaa");
    expect(await build(output)).toBe(first);
  });

  it.skipIf(hasRunc)(
    "fail loudly for a Dockerfile that runs a program when there is no runc",
    { timeout: 60_000 },
    async () => {
      await writeFile(join(context, "Dockerfile"), 'FROM scratch\nRUN ["/program"]\n');
      await expect(build("type=cacheonly")).rejects.toThrow("there is no runc on the PATH: install runc");
    },
  );

  it("are not trusted without their authority", async () => {
    await expect(get("/v2/")).rejects.toThrow(/certificate/);
  });

  it("refuse to delete", async () => {
    const { stdout } = await execa(
      "curl",
      [
        ["-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", services.registry.ca, "-X", "DELETE"],
        `https://${services.registry.address}/v2/example/program/manifests/v1`,
      ].flat(),
    );
    expect(stdout).toBe("405");
  });

  it("leave no process and no open port, and keep port and images for the next run", { timeout: 60_000 }, async () => {
    const { address } = services.registry;
    const records: { pid: number }[] = JSON.parse(await readFile(join(directory, "local", "processes.json"), "utf8"));
    expect(records).toHaveLength(2);
    await services.stop();
    for (const { pid } of records) {
      expect(await startTime(pid)).toBeUndefined();
    }
    expect(await readFile(join(directory, "local", "processes.json"), "utf8")).toBe("[]\n");
    await expect(get("/v2/")).rejects.toThrow(/ECONNREFUSED/);

    services = await start();
    expect(services.registry.address).toBe(address);
    const ca = await readFile(services.registry.ca);
    expect((await get("/v2/example/program/manifests/v1", ca)).status).toBe(200);
  });
});
