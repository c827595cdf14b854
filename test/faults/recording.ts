import { once } from "node:events";
import { closeSync, constants, lstatSync, openSync, rmSync, watch } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { type Gate, TURN } from "./gate.ts";
import type { Asked, Lane } from "./lane.ts";
import { deploymentIn, digestOf, remainsOf, STATE, stateOf } from "./remains.ts";

/**
 * A point of an update where it can be killed: before a request is sent, when it is applied and its reply is not yet
 * sent, or when the engine has replaced its state. The name says which, and is the same in every run: method, path and
 * the how-manieth of them, or what the state begins or ends. Nothing is counted over the whole update, because BuildKit
 * pushes in parallel.
 */
export interface Moment {
  readonly name: string;
  readonly kind: "reads" | "writes" | "state";
  /** Digest of what a kill would leave. */
  readonly remains: string;
  /** Digest of the engine's part of it. */
  readonly state: string;
}

/** Is told of a moment as it comes; the request, or the engine, waits for the answer. */
export type Witness = (moment: Pick<Moment, "name" | "kind">) => "drop" | undefined | Promise<"drop" | undefined>;

/** A lane, as far as it is watched. */
type Watched = Pick<Lane, "local" | "directory" | "storage" | "github" | "registry" | "onBoundary">;

/** The moments of an update that nothing comes in between. @throws when it fails */
export async function record(lane: Lane, asked?: Asked): Promise<readonly Moment[]> {
  const moments: Moment[] = [];
  const witnessed = await witness(lane, (moment) => {
    moments.push({ ...moment, remains: digestOf(remainsOf(lane)), state: digestOf(stateOf(lane)) });
    return undefined;
  });
  const { code, shown } = await lane.begin(asked).ended;
  await witnessed.stop();
  if (code !== 0) throw new Error(`an update that nothing came in between failed:\n${shown}`);
  return moments;
}

/** Tells of every moment of the updates in a lane, until it is stopped. */
export async function witness(lane: Watched, tell: Witness): Promise<{ stop(): Promise<void> }> {
  const state = join(lane.local, STATE);
  await mkdir(dirname(state), { recursive: true });
  const counted = new Map<string, number>();
  const names = new WeakMap<object, string>();
  const told = new Set(settlementsIn(state).keys());
  // What was written is told at once; a next write waits until that is done.
  let telling = Promise.resolve();
  const look = () => {
    telling = telling.then(async () => {
      for (const [key, name] of settlementsIn(state)) {
        if (told.has(key)) continue;
        told.add(key);
        await tell({ name, kind: "state" });
      }
    });
    return telling;
  };
  const watcher = watch(dirname(state), (_event, file) => void (file === basename(state) && look()));
  const workerData: Gate = {
    state,
    settings: join(lane.local, "Pulumi.local.yaml"),
    turn: new Int32Array(new SharedArrayBuffer(4)),
  };
  const gate = new Worker(join(import.meta.dirname, "gate.ts"), { workerData });
  // Once it is taken away it stays so: a kill ends the update before what it was told at has been answered.
  const give = (turn: number) => {
    if (Atomics.load(workerData.turn, 0) !== TURN.end) Atomics.store(workerData.turn, 0, turn);
    Atomics.notify(workerData.turn, 0);
  };
  const exited = new Promise((resolve) => gate.once("exit", resolve));
  await once(gate, "message");
  gate.on("message", async () => {
    await look();
    give(TURN.pass);
  });
  lane.onBoundary((service, request, boundary) => {
    const name = names.get(request) ?? numbered(`${service} ${request.method} ${nameOf(request)}`, counted);
    names.set(request, name);
    return tell({ name: `${boundary} ${name}`, kind: writes(request) ? "writes" : "reads" });
  });
  return {
    async stop() {
      lane.onBoundary(undefined);
      watcher.close();
      give(TURN.end);
      // Its wait ends when somebody reads.
      const pipe = `${state}.attrs`;
      if (lstatSync(pipe, { throwIfNoEntry: false })?.isFIFO()) {
        const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
        await exited;
        closeSync(reader);
      }
      await gate.terminate();
      if (lstatSync(pipe, { throwIfNoEntry: false })?.isFIFO()) rmSync(pipe);
    },
  };
}

/** Whether a request can change something. */
export function writes({ method }: { readonly method: string }): boolean {
  return method !== "GET" && method !== "HEAD";
}

/** The requests among them that can change something. */
export function writesOf(moments: readonly Moment[]): readonly Moment[] {
  return moments.filter(({ kind, name }) => kind === "writes" && name.startsWith("before"));
}

/** What a state says, by a key that a change changes: each operation begins and ends once in an update. */
function settlementsIn(file: string): ReadonlyMap<string, string> {
  const { resources = [], pending_operations: pending } = deploymentIn(file) ?? {};
  const short = (urn: string) => urn.slice(urn.lastIndexOf("::") + 2);
  return new Map([
    ...(pending ?? []).map(({ type, resource: { urn } }: { type: string; resource: Recorded }) => [
      `${type} ${urn}`,
      `state: ${type} ${short(urn)}`,
    ]),
    ...resources.map(({ urn, modified, outputs }: Recorded) => [
      `${urn} ${modified} ${outputs !== undefined}`,
      `state: ${short(urn)} is recorded${outputs ? ", with outputs" : ""}`,
    ]),
  ]);
}

interface Recorded {
  readonly urn: string;
  readonly modified?: string;
  readonly outputs?: object;
}

function numbered(name: string, counted: Map<string, number>): string {
  const count = (counted.get(name) ?? 0) + 1;
  counted.set(name, count);
  return `${name} (${count})`;
}

function nameOf({ path, query }: { readonly path: string; readonly query: string }): string {
  const [which = ""] = /(?<=[?&])(digest|name)=[^&]+/.exec(decodeURIComponent(query)) ?? [];
  return `${path}${which && ` ${which}`}`
    .replace("/octo-example/mount-monitor", "")
    .replace(/(uploads\/)[0-9a-f-]{36}/, "$1…")
    .replace(/(commits\/)[0-9a-f]{40}/, "$1…")
    .replace(/((?:releases|assets|rulesets|policies)\/)\d+/g, "$1…")
    .replace(/(sha256:[0-9a-f]{12})[0-9a-f]+/, "$1");
}
