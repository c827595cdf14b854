import { goTest, toolchainAt } from "../services/go.ts";
import { readSource, withExport } from "../services/source.ts";
const env = (name: string) => process.env[`RELEASE_${name}`] ?? "";
const repository = await readSource();
const toolchain = await toolchainAt(repository, env("COMMIT"), env("PREFIX"));
const result = await withExport({ repository, commit: env("COMMIT"), prefix: env("PREFIX") }, (directory) => goTest({ directory, toolchain, trimPaths: true }));
console.log(JSON.stringify(result));
process.exitCode = result.passed ? 0 : 1;
