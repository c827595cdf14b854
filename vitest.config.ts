import { join } from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/e2e/**", "test/faults/**"],
          // Vitest leaves a processor to itself, which it does not use: many of these wait for processes of theirs.
          maxWorkers: 2,
          // Ends what hangs, and measures nothing: some compile, with whatever is in Go's cache.
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          env: {
            REHEARSAL_SUPERVISOR: "test/e2e/supervisor.ts",
            // As npm start does it: modules are compiled once, not by each of the many starts.
            NODE_COMPILE_CACHE: join(import.meta.dirname, "node_modules/.cache/node"),
          },
          // Whole releases, each with services of its own, after the quick ones: a release waits half of its time.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: "faults in short",
          include: ["test/faults/short.test.ts"],
          // Its pool of lanes says how many scenarios run at a time; it begins when the releases above have ended.
          maxConcurrency: 100,
          sequence: { groupOrder: 2 },
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
