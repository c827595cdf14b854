import * as dockerBuild from "@pulumi/docker-build";
import * as pulumi from "@pulumi/pulumi";
import { type DeclaredRelease, platformChecksums } from "../model/assets.ts";
import { entrypointOf } from "../model/dockerfile.ts";
import { beforePush, Guard } from "../resources/guard.ts";
import { Manifest } from "../resources/manifest.ts";
import { CONTEXT, DOCKERFILE } from "../services/docker-context.ts";
import type { Registry } from "../services/registry.ts";

/** What is pushed, and where. */
export interface ContainerImageArgs {
  /** Image reference without a tag. */
  readonly image: string;
  /** The same place, for the look before the push. */
  readonly registry: Registry;
  /** Name of the buildx builder; buildx's default when absent. */
  readonly builder?: string | undefined;
  /** Credentials for the registry, when the stack's configuration has them; Docker's own otherwise. */
  readonly registryUser?: string | undefined;
  readonly registryPassword?: pulumi.Output<string> | undefined;
  /** Whether the release is published already. */
  readonly sealed: boolean;
  /** The release; its context is staged. */
  readonly facts: pulumi.Output<DeclaredRelease>;
}

/** The multi-platform image under its version tag: guarded before the push, read back after it. */
export class ContainerImage extends pulumi.ComponentResource {
  readonly manifest: Manifest;

  constructor(name: string, args: ContainerImageArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("mount-monitor:release:Image", name, {}, options);
    const { image, facts } = args;
    const tag = facts.tag;
    const guard = new Guard(
      `${name}-guard`,
      {
        image,
        tag,
        digest: facts.image.digest,
        buildkit: facts.buildkit,
        platforms: facts.image.platforms,
        labels: facts.labels,
        sourceDateEpoch: facts.commitTime.apply(epochSeconds),
      },
      { parent: this },
    );
    const unmoved = beforePush(`${name}-tag`, args);
    const pushed = new dockerBuild.Image(
      `${name}-push`,
      {
        ...(args.builder ? { builder: { name: args.builder } } : {}),
        context: { location: staged(facts, CONTEXT) },
        dockerfile: { location: staged(facts, `${CONTEXT}/${DOCKERFILE}`) },
        platforms: facts.image.platforms.apply((platforms) => platforms as dockerBuild.Platform[]),
        labels: facts.labels,
        buildArgs: { SOURCE_DATE_EPOCH: facts.commitTime.apply((time) => String(epochSeconds(time))) },
        tags: [pulumi.interpolate`${image}:${tag}`],
        exports: [{ raw: "type=image,push=true,rewrite-timestamp=true" }],
        registries: credentials(args),
        push: false,
        buildOnPreview: false,
      },
      {
        parent: this,
        dependsOn: guard,
        hooks: { beforeCreate: [unmoved], beforeUpdate: [unmoved] },
        retainOnDelete: true,
        // Another builder or account is no reason to push a published image again.
        ignoreChanges: args.sealed ? ["builder", "registries"] : [],
      },
    );
    this.manifest = new Manifest(
      `${name}-manifest`,
      {
        image,
        tag,
        digest: facts.image.digest,
        digests: facts.image.digests,
        entrypoint: facts.apply(({ dockerfile }) => entrypointOf(dockerfile)),
        checksums: facts.apply(platformChecksums),
      },
      { parent: this, dependsOn: pushed },
    );
    this.registerOutputs({ digest: this.manifest.digest });
  }
}

// The context exists once the facts do: a location that depends on them is never looked at before.
function staged(facts: pulumi.Output<DeclaredRelease>, path: string): pulumi.Output<string> {
  return facts.apply(() => path);
}

function credentials({
  image,
  registryUser,
  registryPassword,
}: ContainerImageArgs): dockerBuild.types.input.RegistryArgs[] {
  return registryUser && registryPassword
    ? [{ address: image.slice(0, image.indexOf("/")), username: registryUser, password: registryPassword }]
    : [];
}

/** Seconds since 1970 of a commit. */
function epochSeconds(time: string): number {
  return Date.parse(time) / 1000;
}
