import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportIndex } from "../../src/services/builder.ts";
import { CONTEXT, DOCKERFILE, stageContext } from "../../src/services/docker-context.ts";
import { type Clone, makeClone } from "./clone.ts";
import { fileIn } from "./registry-storage.ts";
import { type OpenServices, openServices, openWorld } from "./world.ts";

// BuildKit's context transfer takes a file of equal size and time for unchanged.
describe("a binary of the same size as the one before", () => {
  let clone: Clone;

  beforeAll(async () => {
    clone = await makeClone("same-size");
  });
  afterAll(() => clone.remove());

  test("is really in the image of the next release", async () => {
    const first = (await clone.start()).outputs.artifacts;
    const second = (await clone.start(["--version", "1.0.1"])).outputs.artifacts;
    expect(second.map(sizeOf)).toEqual(first.map(sizeOf));
    await using world = await openWorld(clone.path);
    for (const [index, { architecture, checksum }] of second.entries()) {
      expect(checksum).not.toBe(first[index].checksum);
      expect(await world.binaryInImage("v1.0.1", `linux/${architecture}`, "mount-monitor")).toBe(checksum);
      expect(await world.binaryInImage("v1.0.0", `linux/${architecture}`, "mount-monitor")).toBe(first[index].checksum);
    }
  });
});

describe("staging the Docker Build Context", () => {
  const project = process.cwd();
  let directory: string;
  let services: OpenServices;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "staging-"));
    await mkdir(join(directory, ".local"));
    services = await openServices(directory);
    Object.assign(process.env, services.services.env);
    process.chdir(directory);
  });
  afterAll(async () => {
    process.chdir(project);
    await services[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  /** The text that is in the image when this text was staged; `pin` is done to each staged file. */
  async function inImage(text: string, pin: (path: string) => Promise<void>): Promise<string> {
    await writeFile("binary", text);
    await stageContext([{ name: "program", path: "binary" }], "FROM scratch\nCOPY program /program\n");
    await pin(join(CONTEXT, "program"));
    const index = await exportIndex(
      {
        builder: services.services.builder,
        context: CONTEXT,
        dockerfile: join(CONTEXT, DOCKERFILE),
        platforms: ["linux/amd64", "linux/arm64"],
        labels: {},
        sourceDateEpoch: 0,
      },
      "layout",
    );
    const blob = (digest = "") => readFile(join("layout/blobs", digest.replace(":", "/")));
    const manifest = JSON.parse(String(await blob(index.digests["linux/arm64"])));
    return String(await fileIn(gunzipSync(await blob(manifest.layers[0].digest)), "program"));
  }

  const asStaged = async () => {};
  const pinned = (path: string) => utimes(path, 0, 0);

  test("brings the new bytes into the image, whatever their size", async () => {
    expect(await inImage("the 1st binary", asStaged)).toBe("the 1st binary");
    expect(await inImage("the 2nd binary", asStaged)).toBe("the 2nd binary");
  });

  // If this one fails, BuildKit compares contents, and the care that the test above guards is no longer needed.
  test("would leave the old bytes there if the times of its files were fixed", async () => {
    expect(await inImage("the 3rd binary", pinned)).toBe("the 3rd binary");
    expect(await inImage("the 4th binary", pinned)).toBe("the 3rd binary");
  });
});

function sizeOf({ size }: { size: number }): number {
  return size;
}
