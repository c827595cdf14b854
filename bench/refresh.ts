import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import pMap from "p-map";
import { provisionKit } from "../kit/provision.ts";
import { startGitHub } from "../rehearsal/github/server.ts";
import { provideCertificate } from "../rehearsal/services/certificate.ts";
import { choosePorts } from "../rehearsal/services/ports.ts";
import { Processes } from "../rehearsal/services/processes.ts";
import { startRegistry } from "../rehearsal/services/registry.ts";
import { platformDigests } from "../src/model/ledger.ts";
import { registryOf } from "../src/resources/clients.ts";
import { setConfiguration } from "../src/resources/dynamic.ts";
import { implementation as ledger } from "../src/resources/ledger.ts";
import { implementation as withdrawals } from "../src/resources/withdrawals.ts";
import { AT_ONCE } from "../src/services/registry.ts";
import { stored } from "./many-releases.ts";
import { median, rounded, seconds } from "./measure.ts";

// What a refresh does for all releases of a stack, 20 and 200 of them, against the kit's registry and the local GitHub, in
// this process: interleaved rounds, medians. The same questions to both, asked alone, are what the network needs.
const ROUNDS = Number(process.argv[2] ?? 9);
const [FEW, MANY] = [20, 200];
const STACK = "bench";

const local = await mkdtemp(join(tmpdir(), "bench-refresh-"));
await using ending = new AsyncDisposableStack();
ending.defer(() => rm(local, { recursive: true, force: true }));
const kit = await provisionKit({ report });
const processes = new Processes(local);
ending.defer(() => processes.stopAll());
const { registry: port } = await choosePorts(local);
const certificate = await provideCertificate(join(local, "certificate"));
const { address, ca } = await startRegistry({ local, port, kit, certificate, processes });
process.env.SSL_CERT_FILE = ca;
const github = await startGitHub({ port: 0, token: "bench", acceptAnyCommit: true });
ending.defer(() => github.stop());
setConfiguration({ get: (key) => ({ githubUrl: github.url, githubToken: "bench" })[key] });

const image = `${address}/octo/demo`;
const registry = await registryOf(image);
const few = await stackOf(FEW);
const many = await stackOf(MANY);
// Every question of the refresh to the registry: the declared release's platforms are another resource's.
const questions = Object.entries(many.lines).flatMap(([version, line], index) => [
  `v${version}`,
  ...(index === MANY - 1 ? [] : Object.values(platformDigests(line))),
]);
github.history.length = 0;
await many.refresh();
const pages = await Promise.all(github.history.map(({ path, query }) => pageOf(`${github.apiUrl}${path}${query}`)));
const network = () =>
  Promise.all([
    pMap(questions, (name) => registry.digestOf(name), { concurrency: AT_ONCE }),
    ...pages.map((ask) => ask()),
  ]);
report(`${ROUNDS} rounds`);
const times = { few: [] as number[], many: [] as number[], network: [] as number[] };
for (let round = 0; round < ROUNDS; round++) {
  times.few.push(await seconds(few.refresh));
  times.many.push(await seconds(many.refresh));
  times.network.push(await seconds(network));
}
const result = {
  machine: { cpu: cpus()[0]?.model ?? "", cores: availableParallelism(), node: process.version, rounds: ROUNDS },
  few: { releases: FEW, seconds: rounded(median(times.few)) },
  many: { releases: MANY, seconds: rounded(median(times.many)) },
  network: { questions: questions.length + pages.length, seconds: rounded(median(times.network)) },
  /** Of what is allowed, twice the time of the few and the network, the many take this part. */
  ratio: rounded(
    median(times.many.map((time, round) => time / (2 * (times.few[round] ?? 0) + (times.network[round] ?? 0)))),
  ),
};
await writeFile(join(import.meta.dirname, "refresh.json"), `${JSON.stringify(result, null, 2)}\n`);
process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);

/** A stack with so many releases, in a repository of its own; its images are in the registry. */
async function stackOf(count: number) {
  report(`${count} releases are put into the services' storage`);
  const name = `demo-${count}`;
  const repository = `octo/${name}`;
  github.createRepository({ owner: "octo", name });
  const versions = Array.from({ length: count }, (_, patch) => `1.0.${patch}`);
  const put = async (version: string) =>
    [version, await stored({ github, registry, repository, stack: STACK }, version)] as const;
  const lines = Object.fromEntries(await pMap(versions, put, { concurrency: AT_ONCE }));
  const [version = "", line] = Object.entries(lines).at(-1) ?? [];
  if (!line) {
    throw new Error("nothing was published");
  }
  // What was seen before is known, as in every refresh but the first ones.
  let known = [{}, {}];
  const refresh = async () => {
    const looks = await Promise.all([
      ledger.observe({ repository, stack: STACK, image, version, ...line, releases: lines, ...known[0] }),
      withdrawals.observe({ repository, stack: STACK, withdrawn: [], ...known[1] }),
    ]);
    known = looks.map((look) => {
      if (!("notes" in look) || look.differences.length > 0) {
        throw new Error(`what was just published differs: ${JSON.stringify(look)}`);
      }
      return look.notes;
    });
  };
  await refresh();
  await refresh();
  return { lines, refresh };
}

/** Asks for a page that is known already, as the refresh does. */
async function pageOf(url: string): Promise<() => Promise<void>> {
  const authorization = "Bearer bench";
  const first = await fetch(url, { headers: { authorization } });
  await first.arrayBuffer();
  const headers = { authorization, "if-none-match": first.headers.get("etag") ?? "" };
  return async () => {
    const { status } = await fetch(url, { headers });
    if (status !== 304) {
      throw new Error(`${url} answered ${status}`);
    }
  };
}

function report(line: string): void {
  process.stderr.write(`${line}\n`);
}
