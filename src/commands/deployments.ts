import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import { z } from "zod";
import { cliAnswer } from "../model/cli-answer.ts";
import { differences, parseDeploymentSettings, patchOf, secretPatch } from "../model/deployment-settings.ts";
import { quoted, shown } from "../model/quotation.ts";
import { NAMESPACE, SETTINGS } from "../model/setting.ts";
import { run } from "../services/process.ts";
import { asProcess } from "./command.ts";

const usage = `npm run deployments                     send Pulumi.STACK.deploy.yaml to Pulumi Cloud, where it differs
  --check          only compare; the exit code is 1 when something differs
  --secret NAME    set one secret variable, whose value is read from standard input
  --stack STACK    another stack than the selected one
`;

/**
 * Keeps the deployment settings of a stack in Pulumi Cloud equal to its file, through `pulumi api`: `pulumi deployment
 * settings` of this version can neither read a file nor set the tag triggers.
 */
export async function deployments(args: readonly string[], report: (line: string) => void): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      check: { type: "boolean", default: false },
      secret: { type: "string" },
      stack: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    report(usage);
    return 0;
  }
  const choice = values.stack === undefined ? [] : ["--stack", values.stack];
  const place = await pulumi(["stack", ...choice, "--show-name", "--fully-qualify-stack-names"]);
  const endpoint = `/api/stacks/${place.trim()}/deployments/settings`;
  if (values.secret !== undefined) {
    const value = await secretFrom(values.secret);
    await pulumi(["api", endpoint, "--silent", "--input", "-"], JSON.stringify(secretPatch(values.secret, value)));
    report(`${place.trim()}: the secret variable ${values.secret} is set`);
    return 0;
  }

  const file = `Pulumi.${place.trim().split("/").at(-1)}.deploy.yaml`;
  const parsed = parseDeploymentSettings(parse(await readFile(file, "utf8")));
  if (!parsed.ok) {
    throw new Error(`${file} is not valid:\n${parsed.problems.join("\n")}`);
  }
  const setting = async (name: string) => (await pulumi(["config", "get", ...choice, `${NAMESPACE}:${name}`])).trim();
  const repository = await setting("repository");
  const { branch } = parsed.settings.sourceContext.git;
  // A setting that is not there is not known to the CLI.
  const expected = await setting("branch").catch(() => String(SETTINGS.find(({ key }) => key === "branch")?.default));
  if (branch !== expected) {
    throw new Error(
      `${file}: settings.sourceContext.git.branch is ${quoted(branch)}, and ${NAMESPACE}:branch is ${quoted(expected)}: the program must come from one branch. ` +
        `Change the file (the branch, and the command that checks out origin/${shown(branch)}), or run: pulumi config set ${NAMESPACE}:branch ${shown(branch)}`,
    );
  }
  const wanted = patchOf(parsed.settings, repository);
  const changes = differences(wanted, await found(endpoint));
  if (changes.length === 0) {
    report(`${place.trim()}: Pulumi Cloud has these settings already`);
    return 0;
  }
  report(changes.join("\n"));
  if (values.check) {
    report(`${place.trim()}: Pulumi Cloud has other settings than ${file}. Run: npm run deployments`);
    return 1;
  }
  await pulumi(["api", endpoint, "--silent", "--input", "-"], JSON.stringify(wanted));
  const left = differences(wanted, await found(endpoint));
  if (left.length > 0) {
    throw new Error(`Pulumi Cloud took the settings, and gives others back:\n${left.join("\n")}`);
  }
  report(`${place.trim()}: sent`);
  return 0;
}

/** What Pulumi Cloud has; nothing where the stack has no deployment settings yet. */
async function found(endpoint: string): Promise<unknown> {
  const { exitCode, stdout, stderr } = await run("pulumi", ["api", endpoint]);
  const answer = Buffer.from(stdout).toString();
  if (exitCode === 0) {
    return cliAnswer(`api ${endpoint}`, answer, z.record(z.string(), z.unknown()));
  }
  if (`${answer}${stderr}`.includes('"httpStatus":404')) {
    return undefined;
  }
  throw new Error(`pulumi api ${endpoint} failed:\n${stderr || answer}`);
}

async function secretFrom(name: string): Promise<string> {
  if (!/^[A-Z_][A-Z0-9_]*$/.test(name)) {
    throw new Error(`--secret ${quoted(name)}: a variable has capital letters, digits and _, and starts with no digit`);
  }
  const value = await readAll(process.stdin);
  if (value.trim() === "") {
    throw new Error(
      `--secret ${name}: nothing came from standard input. Run: npm run deployments -- --secret ${name} < FILE`,
    );
  }
  return value;
}

// A value never becomes an argument: arguments of a process are for all to see.
async function pulumi(args: readonly string[], input?: string): Promise<string> {
  const { exitCode, stdout, stderr } = await run("pulumi", args, input === undefined ? {} : { input });
  if (exitCode !== 0) {
    throw new Error(`pulumi ${args[0]} failed:\n${(stderr || Buffer.from(stdout).toString()).trim()}`);
  }
  return Buffer.from(stdout).toString();
}

if (import.meta.main) {
  await asProcess(() => deployments(process.argv.slice(2), (line) => process.stdout.write(`${line}\n`)));
}
