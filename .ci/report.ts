import { readFile } from "node:fs/promises";
import { z } from "zod";

const report = z.object({ numPassedTests: z.number(), numFailedTests: z.number(), numFailedTestSuites: z.number() });
const [failedSteps = "0", ...paths] = process.argv.slice(2);
const counted = await Promise.all(
  paths.map((path) =>
    readFile(path, "utf8").then(
      (text) => report.parse(JSON.parse(text)),
      // A step that wrote no report has run no test, and that is a failure.
      () => ({ numPassedTests: 0, numFailedTests: 0, numFailedTestSuites: 1 }),
    ),
  ),
);
const sum = (count: (one: z.infer<typeof report>) => number) => counted.reduce((total, one) => total + count(one), 0);
const passed = sum(({ numPassedTests }) => numPassedTests);
// A step that failed without a failing test (a suite that does not load, lint, types) is a failure too.
const brokenSuites = sum(({ numFailedTestSuites }) => numFailedTestSuites);
const failed = sum(({ numFailedTests }) => numFailedTests) || (Number(failedSteps) > 0 || brokenSuites > 0 ? 1 : 0);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
