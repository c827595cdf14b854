import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { together } from "../refusal.ts";
import { STORAGE } from "../services/artifact-storage.ts";
import { buildkitVersion } from "../services/builder.ts";
import { CONTEXT } from "../services/docker-context.ts";
import { goEnvironment } from "../services/go.ts";
import { POINTER } from "../services/source.ts";
import { expectWritable } from "../services/workspace.ts";

/**
 * Looks, before anything is written or built, whether this machine can build: Go, a builder, and room in every directory
 * that is written to. A release that is published already needs none of it.
 *
 * @returns the version of BuildKit behind the builder
 * @throws naming all that is missing, a line each
 */
export async function preflight(builder: string | undefined): Promise<string> {
  const [buildkit] = await together(
    buildkitVersion(builder),
    goEnvironment("local").then(({ GOCACHE = tmpdir() }) => expectWritable([GOCACHE])),
    // The context is made anew beside its place.
    expectWritable([STORAGE, dirname(POINTER), CONTEXT, ".", tmpdir()]),
  );
  return buildkit;
}
