import { parseDocument } from "yaml";
import { NAMESPACE } from "./setting.ts";

/** Settings in clear text, by key; an absent one is left as it is. */
export type StackSettings = Readonly<Record<string, string | undefined>>;

/** The repository that stands in the committed `Pulumi.prod.yaml`, in place of somebody's own. */
export const EXAMPLE_REPOSITORY = "octo-example/mount-monitor";

const template = (repository: string) =>
  `# The real thing: releases to github.com and ghcr.io. Put your own repository here; everything else has a default,
# which Pulumi.yaml describes. A pushed tag v1.2.3 says what is released, so \`version\` is not kept here.
#
# Credentials come from the environment (GITHUB_TOKEN, and Docker's own for the registry). Where they cannot:
#   pulumi config set --secret mount-monitor:githubToken
#   pulumi config set mount-monitor:registryUser NAME
#   pulumi config set --secret mount-monitor:registryPassword
config:
  mount-monitor:repository: ${repository}
  # mount-monitor:image: ghcr.io/${repository.toLowerCase()}
  # mount-monitor:builder: mount-monitor
  # mount-monitor:artifactRetentionDays: "90"
  # mount-monitor:variables:
  #   LOG_LEVEL: info
`;

/**
 * The text of `Pulumi.{stack}.yaml` with these settings. A file that has them already is given back byte by byte; of
 * another one, comments and all other settings stay.
 */
export function stackFile(existing: string | undefined, settings: StackSettings): string {
  const text = existing ?? template(settings.repository ?? EXAMPLE_REPOSITORY);
  const document = parseDocument(text);
  const changed = Object.entries(settings).filter(
    ([key, value]) => value !== undefined && settingIn(text, key) !== value,
  );
  for (const [key, value] of changed) {
    document.setIn(["config", `${NAMESPACE}:${key}`], value);
  }
  return changed.length === 0 ? text : document.toString({ lineWidth: 0 });
}

/** A setting in clear text; undefined when the file has none, or an encrypted one. */
export function settingIn(text: string, key: string): string | undefined {
  const value: unknown = parseDocument(text).getIn(["config", `${NAMESPACE}:${key}`]);
  return typeof value === "string" ? value : undefined;
}
