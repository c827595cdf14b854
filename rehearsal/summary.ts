import Table from "cli-table3";

/** The stack outputs of a release, as the contract has them. */
export interface Outputs {
  readonly version: string;
  readonly tag: string;
  readonly commit: string;
  readonly artifacts: readonly { name: string; architecture: string; size: number; checksum: string }[];
  readonly image: { reference: string; tag: string; digest: string; digests: Readonly<Record<string, string>> };
  readonly release: { url: string; id: number; assets: Readonly<Record<string, string>> };
  readonly channels: Readonly<Record<string, string>>;
}

/**
 * The table of what was published, and how to look at it.
 *
 * @param ca certificate of the registry's authority, PEM file
 * @param kept settings and workflows of the repository: name → what it is
 */
export function summary(
  { version, commit, artifacts, image, release, channels }: Outputs,
  ca: string,
  kept: readonly (readonly [string, string])[],
): string {
  const reference = `${image.reference}:${image.tag}`;
  return [
    `v${version} from commit ${commit}`,
    table(
      ["artifact", "platform", "size", "SHA-256"],
      artifacts.map(({ name, architecture, size, checksum }) => [
        name,
        `linux/${architecture}`,
        String(size),
        checksum,
      ]),
    ),
    table(
      ["image", "digest"],
      [
        [reference, image.digest],
        ...Object.entries(image.digests).map(([platform, digest]) => [`  ${platform}`, digest]),
      ],
    ),
    table(
      ["release asset", "SHA-256"],
      Object.entries(release.assets).map(([name, checksum]) => [name, checksum]),
    ),
    table(
      ["channel", "version"],
      Object.entries(channels).map(([channel, target]) => [channel, target]),
    ),
    ...(kept.length > 0 ? [table(["repository", "kept by the stack"], kept, 100)] : []),
    "Look at it while the services are up (npm start -- --keep):",
    `  curl -L ${release.url.replace("/tag/", "/download/")}/checksums.txt`,
    `  curl --cacert ${ca} https://${image.reference.replace("/", "/v2/")}/manifests/${image.tag}`,
    "",
  ].join("\n");
}

/** @param width of the last column, in which longer texts are wrapped */
function table(head: string[], rows: readonly (readonly string[])[], width?: number): string {
  const wrapped = width === undefined ? {} : { colWidths: [...head.slice(1).map(() => null), width], wordWrap: true };
  const drawn = new Table({ head, style: { head: [], border: [], compact: true }, ...wrapped });
  drawn.push(...rows.map((row) => [...row]));
  return drawn.toString();
}
