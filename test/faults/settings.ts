import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { REPOSITORY_PARTS } from "../../src/model/repository-part.ts";
import { keptOf } from "../e2e/kept-settings.ts";
import { type Asked, type Lane, REPOSITORY, SECRET } from "./lane.ts";
import { type RecordedUpdate, recordUpdate, succeed } from "./recorded-update.ts";
import { canonical } from "./remains.ts";

/** Settings of a stack, and the value of the one secret that it keeps. */
interface Wish {
  readonly asked: Asked;
  readonly secret: string;
}

// A stack that keeps a repository and releases nothing: its requests are the settings' alone.
const NO_RELEASE = { version: "" };

/** All that a stack can keep in a repository, for the first time. */
const FIRST: Wish = {
  asked: {
    settings: {
      ...NO_RELEASE,
      repositoryParts: JSON.stringify(REPOSITORY_PARTS),
      variables: JSON.stringify({ COLOR: "blue", SIZE: "xl" }),
    },
  },
  secret: SECRET,
};

/** Something of each is changed, and something removed. */
const LATER: Wish = {
  asked: {
    settings: {
      ...NO_RELEASE,
      repositoryParts: JSON.stringify(["workflows", "environment", "actions-permissions"]),
      variables: JSON.stringify({ COLOR: "green" }),
      organization: "octo-later",
    },
  },
  secret: `${SECRET}, another one`,
};

/** The first update of the settings, recorded in a lane. */
export function firstSettings(lane: Lane): Promise<RecordedUpdate> {
  return settingsUpdate(lane, FIRST, "no-settings", (each) => succeed(each, { operations: [] }));
}

/** A later one. */
export function laterSettings(lane: Lane): Promise<RecordedUpdate> {
  return settingsUpdate(lane, LATER, "first-settings", async (each) => {
    await declareSecret(each, FIRST);
    await succeed(each, FIRST.asked);
  });
}

function settingsUpdate(
  lane: Lane,
  wish: Wish,
  name: string,
  begin: (lane: Lane) => Promise<void>,
): Promise<RecordedUpdate> {
  return recordUpdate(lane, {
    name,
    begin,
    arrange: (each) => declareSecret(each, wish),
    asked: wish.asked,
    versions: [],
    seen: async (each) => keptIn(each),
  });
}

const encrypted = new Map<string, unknown>();

/** Puts the secret into the committed settings of a lane, encrypted as a person does it: once, not by every update. */
async function declareSecret(lane: Lane, { secret }: Wish): Promise<void> {
  const key = "mount-monitor:secrets";
  if (!encrypted.has(secret)) {
    await succeed(lane, { operations: [], settings: { secrets: JSON.stringify({ DEPLOY_KEY: secret }) } });
    const { config } = parse(await readFile(join(lane.local, "Pulumi.local.yaml"), "utf8"));
    encrypted.set(secret, config[key]);
  }
  const committed = join(lane.directory, "Pulumi.local.yaml");
  const settings = parse(await readFile(committed, "utf8"));
  await writeFile(committed, stringify({ ...settings, config: { ...settings.config, [key]: encrypted.get(secret) } }));
}

function keptIn({ github, registry }: Lane): string {
  const kept = keptOf(github.inspect, github.inspect.repository(REPOSITORY));
  // Variables are made side by side.
  return canonical(kept).replaceAll(registry.address, "the registry");
}
