import { createHash } from "node:crypto";
import { chmod, mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { rolldown } from "rolldown";

const project = join(import.meta.dirname, "../..");
const PLUGIN = "@pulumi/pulumi/pulumi-resource-pulumi-nodejs";

/** Where the code of the updates is, in few files. */
export interface Bundle {
  /** The program of an update, which takes its plan from the environment. */
  readonly update: string;
  /** Directory of the plugin of our resources, and of the modules that it imports. */
  readonly plugin: string;
}

/**
 * Bundles what the processes of an update load: the same code in a handful of files. The suite starts some hundred of
 * them, and half of such a process's time went into finding and reading three hundred modules.
 */
export async function bundle(): Promise<Bundle> {
  const resources = (await readdir(join(project, "src/resources"))).map((name) => name.replace(/\.ts$/, ""));
  const [update, plugin] = await Promise.all([
    kept({ update: join(project, "test/faults/update.ts") }),
    kept({
      plugin: createRequire(import.meta.url).resolve("@pulumi/pulumi/cmd/dynamic-provider"),
      ...Object.fromEntries(resources.map((name) => [name, join(project, `src/resources/${name}.ts`)])),
    }),
  ]);
  return { update: join(update, "update.mjs"), plugin };
}

/** Bundles into a directory that is named after the content: Node keeps compiled code by its path. */
async function kept(input: Record<string, string>): Promise<string> {
  await using built = await rolldown({
    input,
    platform: "node",
    // Modules that are programs, too, are only imported here.
    transform: { define: { "import.meta.main": "false" } },
    treeshake: false,
    logLevel: "silent",
  });
  const { output } = await built.generate({ entryFileNames: "[name].mjs", chunkFileNames: "[name].mjs" });
  const chunks = output.flatMap((file) => (file.type === "chunk" ? [file] : []));
  const hash = createHash("sha256").update(JSON.stringify(chunks.map(({ fileName, code }) => [fileName, code])));
  const home = join(project, "node_modules/.cache/faults", hash.digest("hex").slice(0, 16));
  const fresh = `${home}.${process.pid}`;
  await mkdir(fresh, { recursive: true });
  await Promise.all(chunks.map(({ fileName, code }) => writeFile(join(fresh, fileName), code)));
  // Unless another run has just put the same there.
  await rename(fresh, home).catch(() => rm(fresh, { recursive: true }));
  return home;
}

/** Lays out a project's directories `src` and `node_modules` as far as an update reads them. */
export async function layOutBundle({ plugin }: Bundle, directory: string): Promise<void> {
  const resources = join(directory, "src/resources");
  await mkdir(resources, { recursive: true });
  await symlink(join(project, "src/commands"), join(directory, "src/commands"));
  for (const name of await readdir(join(project, "src/resources"))) {
    await symlink(join(plugin, name.replace(/\.ts$/, ".mjs")), join(resources, name));
  }
  const script = join(directory, "node_modules", PLUGIN);
  await mkdir(join(script, ".."), { recursive: true });
  await writeFile(script, `#!/bin/sh\nexec node ${join(plugin, "plugin.mjs")} "$@"\n`);
  await chmod(script, 0o755);
}
