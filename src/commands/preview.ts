import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type ConfigMap, LocalWorkspace, type Stack } from "@pulumi/pulumi/automation/index.js";
import { parse, stringify } from "yaml";
import { outliveEngine, inlineProgram as program } from "../inline-program.ts";
import { REPOSITORY_COMPONENT } from "../model/exclusion.ts";
import { plainText } from "../model/markdown.ts";
import { type Configuration, withoutSecrets } from "../model/plain-configuration.ts";
import { previewReport } from "../model/preview-report.ts";
import { messageOf } from "../model/quotation.ts";
import { credentialsIn, redacted } from "../model/redaction.ts";
import { isSecret, NAMESPACE } from "../model/setting.ts";
import * as git from "../services/git.ts";
import { asProcess } from "./command.ts";
import { testModule } from "./test.ts";

const usage = `node src/commands/preview.ts --stack NAME [--without-state]
  Prints as Markdown what an update of the stack would change, without its secrets. With --without-state nothing but the
  files is needed: the module's tests are run, and what the commit would release as a first version is shown.`;

// Stands for the version that such a commit may once have.
const VERSION = "0.0.0-preview";
// A stack of its own beside the real ones; its settings file is removed afterwards.
const PLAN = "plan";

interface Report {
  readonly markdown: string;
  readonly ok: boolean;
}

/** Compares with the state of a stack. @param stack as `--stack` takes it */
export async function previewStack(stack: string): Promise<Report> {
  const opened = await LocalWorkspace.selectStack(
    { stackName: stack, projectName: NAMESPACE, program },
    { workDir: process.cwd() },
  );
  const secrets = secretValues(await opened.getAllConfig());
  return show(opened, { stack, withState: true, secrets });
}

/** Tests a commit, and shows what it would release as a first version. @param stack whose settings it has */
export async function previewWithoutState(stack: string): Promise<Report> {
  const state = await mkdtemp(join(tmpdir(), "preview-"));
  const settingsFile = `Pulumi.${PLAN}.yaml`;
  try {
    const plain = withoutSecrets(parse(await readFile(`Pulumi.${stack}.yaml`, "utf8")));
    const settings: Configuration = {
      ...plain,
      [`${NAMESPACE}:version`]: VERSION,
      [`${NAMESPACE}:commit`]: await git.commitOf(".", "HEAD"),
    };
    await writeFile(settingsFile, stringify({ config: settings }));
    const opened = await LocalWorkspace.createStack(
      { stackName: PLAN, projectName: NAMESPACE, program },
      {
        workDir: process.cwd(),
        // There is nothing to keep: the state is empty, and no setting is encrypted.
        envVars: { PULUMI_BACKEND_URL: `file://${state}`, PULUMI_CONFIG_PASSPHRASE: "none" },
      },
    );
    const report = await show(opened, { stack, withState: false, secrets: [], exclude: [REPOSITORY_COMPONENT] });
    const source = settings[`${NAMESPACE}:source`];
    return report.ok ? await tested(report, typeof source === "string" ? source : "app") : report;
  } finally {
    await Promise.all([state, settingsFile].map((path) => rm(path, { recursive: true, force: true })));
  }
}

async function show(
  opened: Stack,
  {
    stack,
    withState,
    secrets,
    exclude = [],
  }: { stack: string; withState: boolean; secrets: string[]; exclude?: string[] },
): Promise<Report> {
  outliveEngine();
  let shown = "";
  const add = (text: string) => {
    shown += text;
  };
  const changes = await opened
    .preview({ diff: true, color: "never", exclude, onOutput: add, onError: add })
    .then(({ changeSummary }) => changeSummary)
    // What failed has been shown; an error of the CLI itself says it once more.
    .catch((error: unknown) => add(shown === "" ? String(error) : ""));
  const safe = redacted(shown, [...secrets, ...credentialsIn(process.env)]);
  process.stderr.write(safe);
  const commit = await git.commitOf(".", "HEAD");
  return {
    markdown: previewReport({ stack, withState, commit, changes: changes ?? undefined, shown: safe }),
    ok: changes !== undefined,
  };
}

/** The tests of the module, which a preview does not run: an update would. */
async function tested(report: Report, source: string): Promise<Report> {
  const { prefix } = await git.locate(source);
  try {
    const passed = await testModule({ commit: await git.commitOf(source, "HEAD"), prefix });
    return { ...report, markdown: `${report.markdown}\n${passed}.\n` };
  } catch (error) {
    const reason = plainText(messageOf(error));
    return { markdown: `${report.markdown}\n**${reason}**\n`, ok: false };
  }
}

function secretValues(config: ConfigMap): string[] {
  return Object.entries(config)
    .filter(([key, { secret }]) => secret === true || isSecret(key.slice(key.indexOf(":") + 1)))
    .flatMap(([, { value }]) => [value, ...textsIn(value)]);
}

/** The texts in a value that is a list or a map. */
function textsIn(value: string): string[] {
  const texts: string[] = [];
  try {
    JSON.parse(value, (_, inner) => {
      if (typeof inner === "string") texts.push(inner);
      return inner;
    });
  } catch {
    // Not every value is JSON; it is a text itself then.
  }
  return texts;
}

if (import.meta.main) {
  await asProcess(async () => {
    const { values } = parseArgs({ options: { stack: { type: "string" }, "without-state": { type: "boolean" } } });
    if (values.stack === undefined) {
      throw new Error(usage);
    }
    const preview = values["without-state"] ? previewWithoutState : previewStack;
    const { markdown, ok } = await preview(values.stack);
    process.stdout.write(markdown);
    return ok ? 0 : 1;
  });
}
