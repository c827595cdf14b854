import { parseTestRequest, type TestRequest } from "../model/build-request.ts";
import { mentions } from "../services/git.ts";
import { goTest, toolchainAt } from "../services/go.ts";
import { readSource, withExport } from "../services/source.ts";
import { asProcess } from "./command.ts";

/**
 * Runs the tests of a module in a clean export of its commit; their output goes to standard error.
 *
 * @returns one line that says what passed
 * @throws when a test is red
 */
export async function testModule({ commit, prefix }: TestRequest): Promise<string> {
  const repository = await readSource();
  const [toolchain, looksForItself] = await Promise.all([
    toolchainAt(repository, commit, prefix),
    // Compiled as the release is, the paths of sources are gone, and some tests find their data by them.
    mentions(repository, commit, { prefix, files: "*.go", texts: ["runtime.Caller", "runtime.Frame"] }),
  ]);
  const { passed, packages, untested } = await withExport({ repository, commit, prefix }, (directory) =>
    goTest({ directory, toolchain, trimPaths: !looksForItself }),
  );
  if (!passed) {
    throw new Error(
      `tests of commit ${commit} are red: nothing is built. Mend them, and release the commit that does.`,
    );
  }
  return packages === 0
    ? `no tests in ${untested} packages`
    : `tests of ${packages} packages passed${untested === 0 ? "" : `, ${untested} have none`}`;
}

if (import.meta.main) {
  await asProcess(async () => {
    process.stdout.write(`${await testModule(parseTestRequest(process.env))}\n`);
  });
}
