import { z } from "zod";

const text = z.string("it must be a text").min(1, "it must not be empty");
const texts = z.array(text, "it must be a list of texts");
const off = (why: string) => z.exactOptional(z.literal(false, why));
const on = (why: string) => z.literal(true, why);
const SECRET_NAME = /(?:TOKEN|KEY|PASSWORD|PASSPHRASE|SECRET)$/;

/**
 * What this project sets of a stack's deployment settings: names and structure as in Pulumi Cloud's REST API.
 * @see https://www.pulumi.com/docs/reference/cloud-rest-api/schema/deploymentsettings/
 */
const schema = z
  .strictObject({
    executorContext: z.strictObject({
      executorImage: z.strictObject({
        reference: text.regex(
          /(?::\d+\.\d+\.\d+|@sha256:[0-9a-f]{64})$/,
          "an image is named by the version of the CLI in it, or by its digest",
        ),
      }),
    }),
    sourceContext: z.strictObject({ git: z.strictObject({ branch: text, repoDir: z.exactOptional(text) }) }),
    vcs: z.strictObject({
      provider: z.literal("github", "this program releases to GitHub"),
      installationId: z.exactOptional(text),
      deployTags: on("a pushed tag is what releases"),
      tagFilters: texts.min(1, "without a filter every tag starts a run"),
      deployCommits: off("Pulumi Cloud runs on tags or on commits, not on both"),
      previewPullRequests: z.boolean(),
      pullRequestTemplate: off("a stack for each pull request would release the same version again"),
    }),
    operationContext: z.strictObject({
      preRunCommands: texts,
      environmentVariables: z.exactOptional(
        z.record(z.string(), text).superRefine((variables, context) => {
          for (const name of Object.keys(variables).filter((name) => SECRET_NAME.test(name))) {
            context.addIssue({
              code: "custom",
              path: [name],
              message: `a secret does not belong into the file. Run: npm run deployments -- --secret ${name}`,
            });
          }
        }),
      ),
      oidc: z.exactOptional(
        z.strictObject({
          aws: z.exactOptional(
            z.strictObject({
              roleArn: text,
              sessionName: text,
              duration: z.exactOptional(text),
              policyArns: z.exactOptional(texts),
            }),
          ),
          azure: z.exactOptional(z.strictObject({ clientId: text, tenantId: text, subscriptionId: text })),
          gcp: z.exactOptional(
            z.strictObject({
              projectId: text,
              workloadPoolId: text,
              providerId: text,
              serviceAccount: text,
              region: z.exactOptional(text),
              tokenLifetime: z.exactOptional(text),
            }),
          ),
        }),
      ),
      options: z.strictObject({
        skipInstallDependencies: on("the pre-run installs them, from the lock file"),
        skipIntermediateDeployments: off("of two tags pushed in a row the first would be lost"),
        deleteAfterDestroy: off("the stack remembers what was released"),
        shell: z.exactOptional(text),
      }),
    }),
    agentPoolID: z.exactOptional(text),
  })
  .superRefine(({ sourceContext: { git }, operationContext: { preRunCommands } }, context) => {
    if (!preRunCommands.some((command) => command.endsWith(` origin/${git.branch}`))) {
      context.addIssue({
        code: "custom",
        path: ["operationContext", "preRunCommands"],
        message: `a command must check out origin/${git.branch}: a run of a tag starts with the program that the tag holds`,
      });
    }
  });

/** Deployment settings of a stack, without the repository, which the stack's own settings name. */
export type DeploymentSettings = z.output<typeof schema>;

/** The settings, or every problem, one line each. */
export type ParsedDeploymentSettings =
  | { readonly ok: true; readonly settings: DeploymentSettings }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Checks the content of `Pulumi.{stack}.deploy.yaml`: one key, `settings`. */
export function parseDeploymentSettings(content: unknown): ParsedDeploymentSettings {
  const checked = z.strictObject({ settings: schema }).safeParse(content);
  return checked.success
    ? { ok: true, settings: checked.data.settings }
    : {
        ok: false,
        problems: checked.error.issues.map(({ path, message }) => `${path.join(".") || "file"}: ${message}`),
      };
}

/** The body of the request that sets them. */
export function patchOf(settings: DeploymentSettings, repository: string) {
  return { ...settings, vcs: { ...settings.vcs, repository } };
}

/** The body of the request that sets one secret variable; everything else stays as it is. */
export function secretPatch(name: string, value: string) {
  return { operationContext: { environmentVariables: { [name]: { secret: value } } } };
}

/**
 * What Pulumi Cloud would have to change: one line for each value. What only the service has, its own or a secret, is
 * left alone; it leaves out what is off or empty.
 */
export function differences(wanted: unknown, found: unknown, path = "settings"): string[] {
  if (isRecord(wanted)) {
    const has = isRecord(found) ? found : {};
    return Object.entries(wanted).flatMap(([key, value]) => differences(value, has[key], `${path}.${key}`));
  }
  const same = JSON.stringify(wanted) === JSON.stringify(found ?? (wanted === false ? false : undefined));
  return same
    ? []
    : [`${path}: ${found === undefined ? "not set" : JSON.stringify(found)} → ${JSON.stringify(wanted)}`];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
