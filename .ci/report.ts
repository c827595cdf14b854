import { readFile } from "node:fs/promises";
import { z } from "zod";

const report = z.object({ numPassedTests: z.number(), numFailedTests: z.number(), numFailedTestSuites: z.number() });
const [path = "", failedSteps = "0"] = process.argv.slice(2);
const counted = await readFile(path, "utf8").then(
  (text) => report.parse(JSON.parse(text)),
  () => ({ numPassedTests: 0, numFailedTests: 0, numFailedTestSuites: 0 }),
);
// A step that failed without a failing test (a suite that does not load, lint, types) is a failure too.
const failed = counted.numFailedTests || (Number(failedSteps) > 0 || counted.numFailedTestSuites > 0 ? 1 : 0);
console.log(`${counted.numPassedTests} passed, ${failed} failed`);
process.exitCode = failed > 0 || counted.numPassedTests === 0 ? 1 : 0;
