import { z } from "zod";
import { ARCHITECTURES, type BinaryArtifact, checkArtifactSet, isChecksum } from "./artifact.ts";
import { quoted, shown } from "./quotation.ts";
import { settingsSchema } from "./setting.ts";
import { imageProblem, text as textThat } from "./setting-rule.ts";
import { parseTag, parseVersion, type Version } from "./version.ts";

/** Number of the form in which facts are written; a program reads its own and older ones. */
export const SCHEMA = 1;

/** Everything that is needed to declare a sealed release again: neither the compiler nor the commit is. */
export interface ReleaseFacts {
  readonly version: Version;
  /** `v{version}`. */
  readonly tag: string;
  /** Tag of the release that the notes compare with; absent for the first one. */
  readonly previousTag?: string;
  /** Full commit id. */
  readonly commit: string;
  /** Time of the commit, RFC 3339. */
  readonly commitTime: string;
  readonly prerelease: boolean;
  /** GitHub's "Latest" mark as it was published. */
  readonly latest: boolean;
  readonly title: string;
  /** Markdown, without the marker. */
  readonly notes: string;
  /** Version of Go that built it, `go1.26.8`. */
  readonly go: string;
  /** Version of BuildKit that built the image, `v0.31.1`. */
  readonly buildkit: string;
  readonly source: SourceFacts;
  /** Text of the Dockerfile. */
  readonly dockerfile: string;
  /** Labels of the image. */
  readonly labels: Readonly<Record<string, string>>;
  readonly image: ImageFacts;
  readonly artifacts: readonly BinaryArtifact[];
}

/** What was built, from where in the repository. */
export interface SourceFacts {
  /** Directory of the Go module in the repository; empty for its root. */
  readonly prefix: string;
  /** Package in it, `./cmd/…`. */
  readonly package: string;
  /** Name before `-linux-{arch}`. */
  readonly binaryName: string;
  /** Variable that holds the version, `main.Version`. */
  readonly versionVariable: string;
  /** Arguments that make the binary print its version; empty when it was not run. */
  readonly verifyArgs: readonly string[];
}

/** The image as the public knows it. */
export interface ImageFacts {
  /** Reference without a tag. */
  readonly reference: string;
  readonly tag: string;
  /** Digest of the index. */
  readonly digest: string;
  /** `linux/{arch}`, in the order of the index. */
  readonly platforms: readonly string[];
  /** Platform → digest of its manifest. */
  readonly digests: Readonly<Record<string, string>>;
}

/**
 * The text of `metadata.json`: GoReleaser's keys, and the facts under `release`. `date` is the commit's time and
 * `runtime` is constant, because the same commit gives the same bytes on any machine.
 * @see https://goreleaser.com/customization/metadata/
 */
export function metadataJson(facts: ReleaseFacts): string {
  return text({
    project_name: facts.source.binaryName,
    tag: facts.tag,
    previous_tag: facts.previousTag ?? "",
    version: facts.version,
    commit: facts.commit,
    date: facts.commitTime,
    runtime: { goos: "linux", goarch: "amd64" },
    release: { schema: SCHEMA, ...ordered(facts) },
  });
}

/** A release that a newer program recorded, in a form that this one does not know. */
export class NewerSchemaError extends Error {
  override readonly name = "NewerSchemaError";
}

/**
 * The facts of a published release.
 * @throws listing every problem; NewerSchemaError, naming both numbers
 */
export function parseMetadata(json: string): ReleaseFacts {
  const value = parsed(json);
  const schema = schemaSchema.safeParse(value);
  if (schema.success && schema.data.release.schema > SCHEMA) {
    throw new NewerSchemaError(
      `metadata.json has schema ${schema.data.release.schema}, and this program reads up to ${SCHEMA}: update it to work on this release`,
    );
  }
  const result = metadataSchema.safeParse(value);
  if (!result.success) {
    throw invalid(
      result.error.issues.map(
        ({ path, message }) => `${shown(path.map(String).join(".") || "metadata.json")}: ${message}`,
      ),
    );
  }
  const { schema: _, ...facts } = result.data.release;
  const problems = contradictions(result.data, facts);
  if (problems.length > 0) {
    throw invalid(problems);
  }
  return facts;
}

/**
 * The text of `artifacts.json` as GoReleaser writes it: the binaries, the checksums file and the image.
 * @see https://goreleaser.com/customization/artifacts/
 */
export function artifactsJson({ artifacts, image, source }: ReleaseFacts): string {
  const reference = `${image.reference}:${image.tag}`;
  return text([
    ...artifacts.map(({ name, architecture, checksum, size }) => ({
      name,
      path: name,
      goos: "linux",
      goarch: architecture,
      ...(GO_VARIANTS[architecture] ?? {}),
      target: ["linux", architecture, ...Object.values(GO_VARIANTS[architecture] ?? {})].join("_"),
      internal_type: 2,
      type: "Binary",
      extra: {
        Binary: source.binaryName,
        Checksum: `sha256:${checksum}`,
        Format: "binary",
        ID: source.binaryName,
        Size: size,
      },
    })),
    { name: "checksums.txt", path: "checksums.txt", internal_type: 12, type: "Checksum" },
    {
      name: reference,
      path: reference,
      internal_type: DOCKER_IMAGE,
      type: "Docker Image",
      extra: { Digest: image.digest, ID: source.binaryName, Platforms: image.platforms },
    },
  ]);
}

// GoReleaser's number of a multi-platform image that buildx pushed (`DockerImageV2`).
// https://github.com/goreleaser/goreleaser/blob/main/internal/artifact/artifact.go
const DOCKER_IMAGE = 38;

// The instruction set levels that the build's closed environment sets.
const GO_VARIANTS: Partial<Record<BinaryArtifact["architecture"], Readonly<Record<string, string>>>> = {
  amd64: { goamd64: "v1" },
  arm64: { goarm64: "v8.0" },
};

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, "is not sha256: and 64 hexadecimal digits");
const version = z.string().refine((value) => parseVersion(value).ok, "is not a version");
const tag = z.string().refine((value) => parseTag(value).ok, "is not a version tag");

// What was a setting keeps its rule: whoever may edit an asset must gain no path and no argument by it.
const { package: packagePath, binaryName, versionVariable, verifyArgs } = settingsSchema.shape;
const releaseName = z.string().regex(/^[!-~][ -~]{0,199}$/, "is not the name of a version");
const directory = z
  .string()
  .regex(/^(?:(?!\.{1,2}(?:\/|$))[^\p{C}/]+(?:\/(?!$)|$))*$/u, "is not a directory in a repository");

/** What decides the bytes of a binary, besides its architecture. */
export const buildFactsSchema = z.object({
  version,
  commit: z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, "is not a full commit id"),
  go: releaseName,
  source: z.object({ prefix: directory, package: packagePath, binaryName, versionVariable, verifyArgs }),
});

const factsSchema = buildFactsSchema.extend({
  tag,
  previousTag: z.exactOptional(tag),
  commitTime: z.iso.datetime({ offset: true, error: "is not a time as RFC 3339 has it" }),
  prerelease: z.boolean(),
  latest: z.boolean(),
  title: z.string(),
  notes: z.string(),
  buildkit: releaseName,
  dockerfile: z.string(),
  labels: z.record(z.string(), z.string()),
  image: z.object({
    reference: textThat(imageProblem),
    tag,
    digest,
    platforms: z.array(z.string()).min(1),
    digests: z.record(z.string(), digest),
  }),
  artifacts: z.array(
    z.object({
      name: z.string(),
      path: z.string(),
      architecture: z.enum(ARCHITECTURES),
      version,
      checksum: z.string().refine(isChecksum, "is not a SHA-256 in 64 lower-case hex digits"),
      size: z.int().positive(),
    }),
  ),
}) satisfies z.ZodType<ReleaseFacts>;

const metadataSchema = z.object({
  tag: z.string(),
  previous_tag: z.string(),
  version: z.string(),
  commit: z.string(),
  date: z.string(),
  release: factsSchema.extend({ schema: z.literal(SCHEMA) }),
});

const schemaSchema = z.object({ release: z.object({ schema: z.int() }) });

/** What is said twice must be the same: the file was written by one program at one time. */
function contradictions(outer: z.infer<typeof metadataSchema>, facts: ReleaseFacts): string[] {
  const { image, artifacts, source } = facts;
  const pairs = [
    ["tag", outer.tag, facts.tag],
    ["previous_tag", outer.previous_tag, facts.previousTag ?? ""],
    ["version", outer.version, facts.version],
    ["commit", outer.commit, facts.commit],
    ["date", outer.date, facts.commitTime],
    ["release.tag", facts.tag, `v${facts.version}`],
    ["release.image.tag", image.tag, facts.tag],
    ["release.image.digests", Object.keys(image.digests).toSorted().join(), image.platforms.toSorted().join()],
  ] as const;
  const architectures = artifacts.map(({ architecture }) => architecture);
  return [
    ...pairs.flatMap(([name, found, expected]) =>
      found === expected ? [] : [`${name}: is ${quoted(found)}, expected ${quoted(expected)}`],
    ),
    ...(architectures
      .map((architecture) => `linux/${architecture}`)
      .toSorted()
      .join() === image.platforms.toSorted().join()
      ? []
      : [
          `release.artifacts: are for ${architectures.join(", ")}, the image for ${quoted(image.platforms.join(", "))}`,
        ]),
    ...checkArtifactSet(artifacts, { binaryName: source.binaryName, architectures, version: facts.version }).map(
      (problem) => `release.artifacts: ${problem}`,
    ),
  ];
}

function invalid(problems: readonly string[]): Error {
  return new Error(`metadata.json does not describe a release of this program:\n${problems.join("\n")}`);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new Error(`metadata.json is not JSON: ${quoted(json)}`, { cause: error });
  }
}

// The schema leaves out what is no fact; sorted keys make the text depend on the values alone.
function ordered(facts: ReleaseFacts): object {
  return sortedKeys(factsSchema.parse(facts)) as object;
}

function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sortedKeys);
  }
  return typeof value === "object" && value !== null
    ? Object.fromEntries(
        Object.entries(value)
          .toSorted(([left], [right]) => (left < right ? -1 : 1))
          .map(([key, nested]) => [key, sortedKeys(nested)]),
      )
    : value;
}

function text(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
