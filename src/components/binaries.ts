import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { buildArtifact } from "../commands/build.ts";
import { type BinaryArtifact, parseArtifact } from "../model/artifact.ts";
import { type BuildRequest, buildEnvironment, requestOf, testEnvironment } from "../model/build-request.ts";
import type { ReleaseFacts } from "../model/metadata.ts";
import type { Candidate } from "../plan/candidate.ts";
import { openStorage } from "../services/artifact-storage.ts";

/** The release whose binaries are declared: one to be built, or one that is published. */
export type BinariesArgs =
  | { readonly kind: "candidate"; readonly candidate: Candidate }
  | { readonly kind: "sealed"; readonly facts: ReleaseFacts };

/** One tested, built and verified Binary Artifact for each architecture. */
export class Binaries extends pulumi.ComponentResource {
  readonly artifacts: pulumi.Output<readonly BinaryArtifact[]>;

  constructor(name: string, args: BinariesArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("mount-monitor:release:Binaries", name, {}, options);
    this.artifacts =
      args.kind === "sealed" ? recordedBinaries(name, args.facts, this) : builtBinaries(name, args.candidate, this);
    this.registerOutputs({ artifacts: this.artifacts });
  }
}

/** Tests first, then one build for each architecture, in parallel; the scripts say what they were given by environment. */
function builtBinaries(name: string, candidate: Candidate, parent: pulumi.Resource): pulumi.Output<BinaryArtifact[]> {
  const { commit, source, architectures } = candidate;
  const requests = architectures.map((architecture) => requestOf(candidate, architecture));
  const tests = new local.Command(
    `${name}-tests`,
    {
      create: "node src/commands/test.ts",
      environment: testEnvironment({ commit, prefix: source.prefix }),
      logging: local.Logging.Stderr,
    },
    { parent },
  );
  const built = requests.map((request) => {
    const command = new local.Command(
      `${name}-${request.architecture}`,
      {
        create: "node src/commands/build.ts",
        environment: buildEnvironment(request),
        logging: local.Logging.Stderr,
      },
      { parent, dependsOn: tests },
    );
    return command.stdout.apply((text) => storedBinary(parseArtifact(text), request));
  });
  // A preview creates nothing, and reviewers shall read the bytes: the same build runs here, and what it made is kept
  // in the artifact storage for the update.
  return pulumi.runtime.isDryRun() ? pulumi.output(Promise.all(requests.map(buildArtifact))) : pulumi.all(built);
}

/**
 * The artifact that a build recorded, once this machine has its bytes: a command that ran in an update which died is
 * not run again, and its binary may have stayed on another machine.
 *
 * @throws when it is built again with other bytes
 */
export async function storedBinary(artifact: BinaryArtifact, request: BuildRequest): Promise<BinaryArtifact> {
  if (await openStorage().has(artifact.checksum)) {
    return artifact;
  }
  const { checksum } = await buildArtifact(request);
  if (checksum !== artifact.checksum) {
    throw new Error(
      `${artifact.name} was recorded with SHA-256 ${artifact.checksum}, and built again from ${request.commit} it has ${checksum}: ` +
        "use the Go that it was built with, and run again",
    );
  }
  return artifact;
}

/** A published release is not built again: its commands keep what they recorded, or repeat the record if that is lost. */
function recordedBinaries(name: string, facts: ReleaseFacts, parent: pulumi.Resource): pulumi.Output<BinaryArtifact[]> {
  const record = (suffix: string, text: string) =>
    new local.Command(
      `${name}-${suffix}`,
      { create: `printf '%s\\n' "$RECORD"`, environment: { RECORD: text } },
      { parent, ignoreChanges: ["create", "environment", "logging"] },
    );
  record("tests", `passed before ${facts.tag} was published`);
  for (const artifact of facts.artifacts) {
    record(artifact.architecture, JSON.stringify(artifact));
  }
  return pulumi.output([...facts.artifacts]);
}
