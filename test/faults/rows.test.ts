import { afterAll, beforeAll, describe, test } from "vitest";
import { observe } from "./observation.ts";
import { openPool, type Pool } from "./pool.ts";
import { scenarios } from "./rows.ts";

let pool: Pool;

beforeAll(async () => {
  pool = await openPool();
});
afterAll(() => pool[Symbol.asyncDispose]());

describe("row", () => {
  test.concurrent.each(scenarios)("$row: $fault", ({ row, fault, run }) =>
    pool.run(async (lane) => {
      await lane.reset("built");
      observe({ row, fault, observed: await run(lane) });
    }),
  );
});
