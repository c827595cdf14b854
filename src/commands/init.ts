import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { confirm, isCancel } from "@clack/prompts";
import { z } from "zod";
import { type Answers, askedAnswers, type Defaults, givenAnswers, parseFlags, usage } from "../init/answers.ts";
import { showPreview } from "../init/preview.ts";
import { openStack, type StackPlan } from "../init/stack.ts";
import { findTools } from "../init/tools.ts";
import { PULUMI_CLOUD } from "../model/backend.ts";
import { cliAnswer } from "../model/cli-answer.ts";
import { quoted } from "../model/quotation.ts";
import { NAMESPACE } from "../model/setting.ts";
import { EXAMPLE_REPOSITORY, settingIn } from "../model/stack-file.ts";
import { accessProblems } from "../model/token-access.ts";
import { tokenFacts } from "../services/github/access.ts";
import { apiUrlOf } from "../services/github/address.ts";
import { createApi } from "../services/github/api.ts";
import { run } from "../services/process.ts";
import { ServiceError } from "../services/service-error.ts";
import { asProcess } from "./command.ts";

/**
 * Sets a stack up: looks for the tools, asks for repository, backend and token, checks them, writes `Pulumi.{stack}.yaml`
 * and shows what an update would do. Nothing is written before all checks have passed; a second run changes nothing.
 */
async function init(args: readonly string[]): Promise<number> {
  const flags = parseFlags(args);
  if (flags.help) {
    show(usage);
    return 0;
  }
  const tools = await findTools();
  tools.present.forEach(show);
  if (tools.missing.length > 0) {
    throw new Error(tools.missing.join("\n"));
  }
  for (const lack of tools.lacking) {
    show(`${lack}. Without it this machine makes no release; a workflow or Pulumi Deployments does`);
  }

  const file = `Pulumi.${flags.stack}.yaml`;
  const text = await readFile(file, "utf8").catch(() => "");
  const defaults = await defaultsOf(text);
  const interactive = !flags.yes && process.stdin.isTTY && process.stdout.isTTY;
  if (!interactive && !flags.yes) {
    throw new Error(`there is no terminal to ask on. Run: npm run init -- --yes …\n${usage}`);
  }
  const stored = text.includes(`${NAMESPACE}:githubToken:`);
  const answers = interactive
    ? await askedAnswers(flags, defaults, process.env, stored)
    : givenAnswers(flags, defaults, process.env);
  if (!answers) {
    return left();
  }
  const { stack, passphrase, backend, githubUrl } = answers;
  const plan: StackPlan = { stack, backend: backend.url, passphrase };
  const opened = openStack(plan);
  const token = answers.token ?? (stored ? await opened.storedToken() : undefined);
  if (token === undefined) {
    throw new Error(`GITHUB_TOKEN is not set, and ${file} holds no token yet. Set it, and run npm run init again`);
  }
  await checkAccess(answers, token, settingIn(text, "githubUrl"));
  if (interactive) {
    const sure = await confirm({ message: `Write ${file}?` });
    if (isCancel(sure) || !sure) {
      return left();
    }
  }
  await login(backend);
  // Written only where it is not the default, or was written before: the workflows use it.
  const shared = backend.shared && (backend.url !== PULUMI_CLOUD || settingIn(text, "backend") !== undefined);
  const settings = { repository: answers.repository, githubUrl, backend: shared ? backend.url : undefined };
  const done = await opened.write(settings, token);
  show(done.length === 0 ? `${file} is as it should be: nothing was changed` : done.join("\n"));
  show("");
  await showPreview(plan);
  show(`\nNext: push a tag v1.0.0, or try it now: PULUMI_CI_TAG_NAME=v1.0.0 npx pulumi up --stack ${stack}`);
  return 0;
}

/** @throws with every reason why the stack could not be run with this token */
async function checkAccess({ repository, githubUrl }: Answers, token: string, configured?: string): Promise<void> {
  const api = createApi({ apiUrl: apiUrlOf(githubUrl ?? configured), token, report: show });
  const facts = await tokenFacts(api, repository).catch((error: unknown) => {
    throw error instanceof ServiceError && error.status === 401
      ? new Error(
          "the token is not valid: GitHub answered 401. It may have expired. " +
            "Make one: https://github.com/settings/tokens/new?scopes=repo,workflow",
        )
      : error;
  });
  const problems = accessProblems(facts);
  if (problems.length > 0) {
    throw new Error(problems.join("\n"));
  }
  show(`GitHub: ${facts.login ? `@${facts.login}` : "the token"} may administer ${facts.found?.fullName}`);
}

/** What the stack's file, the checkout and the CLI say. */
async function defaultsOf(text: string): Promise<Defaults> {
  const configured = settingIn(text, "repository");
  const remote = await output("git", ["remote", "get-url", "origin"]);
  const origin = /[/:]([^/:]+\/[^/]+?)(?:\.git)?\/?$/.exec(remote ?? "")?.[1];
  const onGitHub = /(?:@|:\/\/)(?:[^/@]*@)?(?:ssh\.)?github\.com[/:]/.test(remote ?? "");
  // Who is not logged in yet gets no answer.
  const account = await output("pulumi", ["whoami", "--json", "--non-interactive"]);
  const { url } = cliAnswer("whoami", account || "{}", z.object({ url: z.string().optional() }));
  return {
    repository: configured && configured !== EXAMPLE_REPOSITORY ? configured : onGitHub ? origin : undefined,
    // Of Pulumi Cloud the CLI names the console, not the address that it is logged in to.
    backend: process.env.PULUMI_BACKEND_URL ?? (url && !/^https?:/.test(url) ? url : PULUMI_CLOUD),
  };
}

/** Logs in, so that later commands of this person find the stack; the CLI asks for Pulumi Cloud's token if it has none. */
async function login({ url, kind }: Answers["backend"]): Promise<void> {
  const { PULUMI_BACKEND_URL: chosen } = process.env;
  if (chosen === url) {
    return;
  }
  if (chosen) {
    throw new Error(`PULUMI_BACKEND_URL is ${quoted(chosen)} and wins over a login to ${url}: unset it`);
  }
  const { exitCode, stderr } = await run("pulumi", ["login", url, "--non-interactive"]);
  if (exitCode === 0) {
    return;
  }
  if (kind === "self-managed" || !process.stdin.isTTY) {
    throw new Error(`pulumi login ${url} failed:\n${stderr.trim()}`);
  }
  const [code] = await once(spawn("pulumi", ["login", url], { stdio: "inherit" }), "exit");
  if (code !== 0) {
    throw new Error(`pulumi login ${url} failed; the reason is shown above`);
  }
}

async function output(command: string, args: readonly string[]): Promise<string | undefined> {
  const { exitCode, stdout } = await run(command, args);
  return exitCode === 0 ? Buffer.from(stdout).toString().trim() : undefined;
}

function left(): number {
  show("Nothing was written.");
  return 1;
}

function show(line: string): void {
  process.stdout.write(`${line}\n`);
}

if (import.meta.main) {
  await asProcess(() => init(process.argv.slice(2)));
}
