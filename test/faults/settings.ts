import { REPOSITORY_PARTS } from "../../src/model/repository-part.ts";
import { keptOf } from "../e2e/kept-settings.ts";
import { convergenceProblems } from "./invariants.ts";
import { type Asked, type Lane, REPOSITORY, SECRET } from "./lane.ts";
import { type Moment, record } from "./recording.ts";
import { canonical } from "./remains.ts";
import type { Killing } from "./sweep.ts";

// A stack that keeps a repository and releases nothing: its requests are the settings' alone.
const NO_RELEASE = { version: "" };

/** All that a stack can keep in a repository, for the first time. */
const FIRST: Asked = {
  settings: {
    ...NO_RELEASE,
    repositoryParts: JSON.stringify(REPOSITORY_PARTS),
    variables: JSON.stringify({ COLOR: "blue", SIZE: "xl" }),
    secrets: JSON.stringify({ DEPLOY_KEY: SECRET }),
  },
};

/** Something of each is changed, and something removed. */
const LATER: Asked = {
  settings: {
    ...NO_RELEASE,
    repositoryParts: JSON.stringify(["workflows", "environment", "actions-permissions"]),
    variables: JSON.stringify({ COLOR: "green" }),
    secrets: JSON.stringify({ DEPLOY_KEY: `${SECRET}, another one` }),
    organization: "octo-later",
  },
};

/** An update of the settings to be killed, and its moments. */
export interface SettingsUpdate {
  readonly moments: readonly Moment[];
  readonly killing: Killing;
}

/** The first update of the settings, recorded in a lane. */
export function firstSettings(lane: Lane): Promise<SettingsUpdate> {
  return settingsUpdate(lane, FIRST, (each) => each.reset());
}

/** A later one. */
export async function laterSettings(lane: Lane): Promise<SettingsUpdate> {
  const kept = new Set<Lane>();
  return settingsUpdate(lane, LATER, async (each) => {
    if (!kept.has(each)) {
      await each.reset();
      const { code, shown } = await each.update(FIRST);
      if (code !== 0) throw new Error(shown);
      await each.keep("settings");
      kept.add(each);
    }
    await each.reset("settings");
  });
}

async function settingsUpdate(lane: Lane, asked: Asked, prepare: Killing["prepare"]): Promise<SettingsUpdate> {
  await prepare(lane);
  const moments = await record(lane, asked);
  const wanted = keptIn(lane);
  return {
    moments,
    killing: {
      victim: "everything",
      asked,
      prepare,
      async problems(each, again) {
        const found = keptIn(each);
        return [
          ...(await convergenceProblems(each, again, asked, [])),
          ...(found === wanted ? [] : [`the settings are ${found}, not ${wanted}`]),
        ];
      },
    },
  };
}

function keptIn({ github, registry }: Lane): string {
  const kept = keptOf(github.inspect, github.inspect.repository(REPOSITORY));
  // Variables are made side by side.
  return canonical(kept).replaceAll(registry.address, "the registry");
}
