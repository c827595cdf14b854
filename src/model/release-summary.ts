import { z } from "zod";
import { plainText } from "./markdown.ts";

/** Outputs of a stack that has released. */
const released = z.object({
  version: z.string(),
  tag: z.string(),
  commit: z.string(),
  artifacts: z.array(z.object({ name: z.string(), architecture: z.string(), size: z.number(), checksum: z.string() })),
  image: z.object({
    reference: z.string(),
    tag: z.string(),
    digest: z.string(),
    digests: z.record(z.string(), z.string()),
  }),
  release: z.object({ url: z.string(), assets: z.record(z.string(), z.string()) }),
  channels: z.record(z.string(), z.string()),
});
const notReleased = z.object({ release: z.null(), reason: z.string() });

/**
 * What the stack has released, as Markdown for a job's summary.
 *
 * @param outputs stack outputs
 * @param tag the tag that started the update; said to be no release when the stack's release is another one
 * @throws when the outputs are not those of this program
 */
export function releaseSummary(outputs: unknown, tag: string | undefined): string {
  const none = notReleased.safeParse(outputs);
  if (none.success) {
    return `### No release\n\n${plainText(none.data.reason)}.\n`;
  }
  const { artifacts, image, release, channels, ...it } = released.parse(outputs);
  const other =
    tag === undefined || tag === it.tag
      ? []
      : [`Tag ${plainText(tag)} made no release. The stack's release is still this one:`];
  return [
    `### [${it.tag}](${release.url})`,
    ...other,
    `From commit \`${it.commit}\`.`,
    table(
      ["artifact", "platform", "size", "SHA-256"],
      artifacts.map(({ name, architecture, size, checksum }) => [name, `linux/${architecture}`, `${size}`, checksum]),
    ),
    table(["image", "digest"], [[`${image.reference}:${image.tag}`, image.digest], ...Object.entries(image.digests)]),
    table(["release asset", "SHA-256"], Object.entries(release.assets)),
    table(["channel", "version"], Object.entries(channels)),
    "",
  ].join("\n\n");
}

/** Every cell is a name, a digest or a number of ours: code, so that nothing in it is read as Markdown. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map((row) => line(row.map((cell) => `\`${cell}\``)))].join(
    "\n",
  );
}
