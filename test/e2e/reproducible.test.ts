import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Clone, cloneOf, makeClone, type Outcome } from "./clone.ts";
import { openWorld } from "./world.ts";

// The kit is the machine's; everything else that a user has is another's.
const caches = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");

describe("two clones that differ in all that must not matter", () => {
  let home: string;
  const clones: Clone[] = [];
  const outcomes: Outcome[] = [];

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "other-home-"));
    const plain = await makeClone("here");
    const odd = await cloneOf(plain, "quite-somewhere-else", "077");
    clones.push(plain, odd);
    const elsewhere = join(home, "deeper/down");
    await mkdir(elsewhere, { recursive: true });
    await makeDirty(odd);

    const common = { XDG_CACHE_HOME: caches };
    outcomes.push(
      ...(await Promise.all([
        // With all that the machine has compiled before; the other one has nothing.
        plain.start([], { ...common, HOME: home }),
        odd.start([], {
          ...common,
          HOME: elsewhere,
          GOCACHE: join(home, "go-build"),
          CGO_ENABLED: "1",
          GOAMD64: "v3",
          GOARM64: "v9.0",
          GOEXPERIMENT: "nodwarf5",
          GOFLAGS: "-tags=other -ldflags=-s",
          LC_ALL: "C",
          SOURCE_DATE_EPOCH: "1",
          TZ: "Pacific/Auckland",
        }),
      ])),
    );
  });
  afterAll(async () => {
    await Promise.all([...clones.map((clone) => clone.remove()), rm(home, { recursive: true, force: true })]);
  });

  /** What somebody has lying around who works on the module. */
  async function makeDirty({ path }: Clone): Promise<void> {
    const main = join(path, "app/cmd/mount-monitor/main.go");
    await writeFile(main, `${await readFile(main, "utf8")}\n// not committed\nfunc init() { panic("dirty") }\n`);
    await writeFile(join(dirname(main), "untracked.go"), 'package main\n\nfunc init() { panic("untracked") }\n');
    await writeFile(join(path, ".git/info/exclude"), "ignored.go\n");
    await writeFile(join(dirname(main), "ignored.go"), 'package main\n\nfunc init() { panic("ignored") }\n');
    await writeFile(join(path, "go.work"), "go 1.26.0\n\nuse ./nothing\n");
    await writeFile(join(path, "Dockerfile.release"), "FROM scratch\nCOPY . /everything\n");
  }

  test("release the same bytes", () => {
    const [plain, odd] = outcomes.map(({ outputs: { artifacts, image, release, commit } }) => ({
      commit,
      artifacts,
      digest: image.digest,
      digests: image.digests,
      assets: release.assets,
    }));
    expect(plain?.artifacts).toHaveLength(2);
    expect(odd).toEqual(plain);
  });

  test("serve the same metadata, checksums and notes", async () => {
    const texts = await Promise.all(
      clones.map(async ({ path }) => {
        await using world = await openWorld(path);
        const assets = world.assets("v1.0.0");
        return ["metadata.json", "artifacts.json", "checksums.txt"]
          .map((name) => String(assets[name]))
          .concat(world.notes("v1.0.0"));
      }),
    );
    expect(texts[0]?.[0]).toContain('"1.0.0"');
    expect(texts[1]).toEqual(texts[0]);
  });
});
