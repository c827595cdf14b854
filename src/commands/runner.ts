import { mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { REPOSITORY_COMPONENT } from "../model/exclusion.ts";
import { messageOf, quoted } from "../model/quotation.ts";
import { buildkitVersion, useRemoteBuilder } from "../services/builder.ts";
import { asProcess } from "./command.ts";

const BUILDER = "mount-monitor";
const CERTIFICATES = { BUILDKIT_CA: "cacert", BUILDKIT_CERT: "cert", BUILDKIT_KEY: "key" } as const;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Prepares a runner of Pulumi Deployments for the run that follows, and gives the variables that it needs:
 * - the project's own Node is the first on the PATH, whatever Node the runner has;
 * - buildx builds with the BuildKit at `BUILDKIT_HOST`, whose certificates are in `BUILDKIT_CA`, `BUILDKIT_CERT` and
 *   `BUILDKIT_KEY` (PEM), if it asks for them;
 * - a run that a tag has started leaves the Repository component out.
 *
 * @param project absolute path of the project, with its packages installed
 * @throws when no BuildKit answers at `BUILDKIT_HOST`
 */
export async function prepareRunner(project: string, environment: Environment): Promise<Record<string, string>> {
  if (environment.BUILDKIT_HOST) {
    await useBuildKit(environment.BUILDKIT_HOST, environment);
  }
  return {
    // Not node_modules/.bin: that has a `pulumi`, which would take the place of the runner's.
    PATH: [join(project, "node_modules/node/bin"), environment.PATH].join(delimiter),
    ...(environment.PULUMI_CI_TAG_NAME ? { PULUMI_OPTION_EXCLUDE: REPOSITORY_COMPONENT } : {}),
  };
}

async function useBuildKit(address: string, environment: Environment): Promise<void> {
  const directory = join(environment.HOME ?? homedir(), ".mount-monitor");
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const certificates: Record<string, string> = {};
  for (const [variable, option] of Object.entries(CERTIFICATES)) {
    const pem = environment[variable];
    if (pem) {
      certificates[option] = join(directory, `${option}.pem`);
      await writeFile(certificates[option], pem, { mode: 0o600 });
    }
  }
  await useRemoteBuilder(BUILDER, { address, certificates });
  try {
    process.stderr.write(`BuildKit ${await buildkitVersion(BUILDER)} answers at ${address}\n`);
  } catch (error) {
    throw new Error(
      `BUILDKIT_HOST is ${quoted(address)}, and no BuildKit answers there: set it in Pulumi.STACK.deploy.yaml, and run: npm run deployments\n${messageOf(error)}`,
    );
  }
}

if (import.meta.main) {
  await asProcess(async () => {
    const variables = await prepareRunner(process.cwd(), process.env);
    process.stdout.write(
      Object.entries(variables)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(""),
    );
  });
}
