import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "vitest";
import { violations } from "../invariants.ts";
import { type Asked, type Ended, type Lane, REPOSITORY } from "../lane.ts";
import { problemsAfter } from "../sweep.ts";

/** What goes wrong, and what must then be true: a row of faults.md. */
export interface Scenario {
  readonly row: number;
  readonly fault: string;
  /** Whether it is part of the short subset that every `npm test` runs. */
  readonly short?: true;
  /** Fails when it is not true; gives what was observed. */
  readonly run: (lane: Lane) => Promise<string>;
}

export const TAG = "v1.0.0";
export const LASTING = Number.POSITIVE_INFINITY;
export const UPLOADS = "/repos/*/*/releases/*/assets";
export const RELEASES = "/repos/*/*/releases";

/** Runs, and expects a release with nothing left to do and the bytes of a clean one. */
export async function expectRelease(lane: Lane, asked: Asked = {}): Promise<Ended> {
  const end = await lane.update(asked);
  expect(await problemsAfter(lane, end, asked)).toEqual([]);
  return end;
}

/** Expects an update that fails, says why, and has published nothing. */
export async function expectFailure(lane: Lane, why: RegExp): Promise<Ended> {
  const end = await lane.update();
  expect([end.code, end.shown]).toEqual([1, expect.stringMatching(why)]);
  expect(lane.github.inspect.releases(REPOSITORY).filter(({ draft }) => !draft)).toEqual([]);
  expect(await violations(lane)).toEqual([]);
  forgetFaults(lane);
  return end;
}

/** The problems after a repair, which adds to a published release what it lost: the one write that is allowed there. */
export async function problemsAfterRepair(lane: Lane, end: Ended, asked?: Asked): Promise<string[]> {
  return (await problemsAfter(lane, end, asked)).filter((problem) => !/^I4: POST .*\/assets after/.test(problem));
}

/** What the output says about it, on one line: for the table of what was observed. */
export function sentence(shown: string, pattern: RegExp): string {
  const [found = "(not shown)"] = pattern.exec(shown) ?? [];
  return found
    .replace(/\s+/g, " ")
    .replace(/^.*? error: /, "")
    .trim()
    .slice(0, 220);
}

export function forgetFaults(lane: Lane): void {
  lane.onBoundary(undefined);
  lane.github.clearFaults();
  lane.registry.clearFaults();
}

/** A server that requests are redirected to: answers an empty list, and keeps the credentials that it was sent. */
export async function startElsewhere(): Promise<AsyncDisposable & { url: string; seen: (string | undefined)[] }> {
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(200, { "content-type": "application/json", connection: "close" }).end("[]");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
    },
  };
}
