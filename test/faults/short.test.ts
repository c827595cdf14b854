import { beforeAll, describe, test } from "vitest";
import { openPool, type Pool } from "./pool.ts";
import { scenarios } from "./rows.ts";

let pool: Pool;

beforeAll(async () => {
  pool = await openPool();
  return () => pool[Symbol.asyncDispose]();
});

// Of the fault suite what runs with every npm test; the whole is npm run test:faults.
describe.concurrent("in short", { timeout: 300_000 }, () => {
  test.each(scenarios.filter(({ short }) => short))("row $row: $fault", ({ run }) =>
    pool.run(async (lane) => {
      await lane.reset("built");
      await run(lane);
    }),
  );
});
