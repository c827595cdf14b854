import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { parse } from "yaml";
import { parseSettings } from "../model/configuration.ts";
import { withoutSecrets } from "../model/plain-configuration.ts";
import { workflowFiles, workflowOptions } from "../model/workflows.ts";
import { asProcess } from "./command.ts";

/**
 * The workflow files that a stack's settings make: path → text.
 * @param stack name of the stack; its settings are in `Pulumi.STACK.yaml`
 * @throws listing every problem of the settings
 */
export async function workflowsOf(stack: string): Promise<Readonly<Record<string, string>>> {
  const config = withoutSecrets(parse(await readFile(`Pulumi.${stack}.yaml`, "utf8")));
  const texts = Object.entries(config).map(([key, value]) => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  const parsed = parseSettings({ config: Object.fromEntries(texts), environment: {} });
  if (!parsed.ok) {
    throw new Error(`the settings of stack ${stack} are not valid:\n${parsed.problems.join("\n")}`);
  }
  return workflowFiles(workflowOptions(stack, parsed.settings));
}

if (import.meta.main) {
  await asProcess(async () => {
    const { stack } = parseArgs({ options: { stack: { type: "string", default: "prod" } } }).values;
    for (const [path, text] of Object.entries(await workflowsOf(stack))) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
      process.stdout.write(`${path}\n`);
    }
  });
}
