import { defineConfig } from "vitest/config";

// The whole fault suite: npm run test:faults.
export default defineConfig({
  test: {
    name: "faults",
    include: ["test/faults/suite.test.ts"],
    // The pool of lanes says how many scenarios run at a time.
    maxConcurrency: 1_000,
    hookTimeout: 300_000,
  },
});
