import { defineConfig } from "vitest/config";

// The whole fault suite: npm run test:faults.
export default defineConfig({
  test: {
    name: "faults",
    include: ["test/faults/*.test.ts"],
    // Each file uses two lanes, as many as the suite is meant for processors.
    fileParallelism: false,
    maxConcurrency: 2,
    testTimeout: 600_000,
    hookTimeout: 300_000,
  },
});
