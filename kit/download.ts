import { createWriteStream } from "node:fs";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { execa } from "execa";
import type { Part, Platform } from "./part.ts";

/** How long one site may take to answer before all downloads are given up. */
const PATIENCE_MS = 3_000;
/** A download that takes longer is given up, and the part is built. */
const DOWNLOAD_MS = 10 * 60_000;

/** Whether every site that the parts come from answers, asked once and at the same time. */
export async function sitesAnswer(parts: readonly Part[], platform: Platform): Promise<boolean> {
  const sites = new Set(parts.map((part) => new URL(part.download(platform).url).origin));
  const answers = await Promise.all(
    [...sites].map((site) =>
      fetch(site, { method: "HEAD", redirect: "manual", signal: AbortSignal.timeout(PATIENCE_MS) }).then(
        ({ status }) => status < 500 && status !== 403 && status !== 407,
        () => false,
      ),
    ),
  );
  return answers.every(Boolean);
}

/**
 * Downloads the official executable of a part. It is only as authentic as its site's TLS certificate: the sites serve
 * no signature that could be checked against this project's pins.
 *
 * @returns path of the executable, in `work`
 * @throws with the address, when it is not there or not what it should be
 */
export async function downloadPart(part: Part, platform: Platform, work: string): Promise<string> {
  const { url, member } = part.download(platform);
  const directory = join(work, part.name);
  await mkdir(directory, { recursive: true });
  const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_MS) });
  if (!response.ok || response.body === null) {
    throw new Error(`${url} answered ${response.status}`);
  }
  const file = join(directory, member === undefined ? part.name : "archive");
  await pipeline(Readable.fromWeb(response.body), createWriteStream(file));
  if (member !== undefined) {
    await execa("tar", ["-xzf", file, "-C", directory, member], { stdin: "ignore" });
  }
  const executable = join(directory, member ?? part.name);
  await chmod(executable, 0o755);
  return executable;
}
