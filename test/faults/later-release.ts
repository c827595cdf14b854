import { readPublished } from "./invariants.ts";
import { killAtPush, type Lane } from "./lane.ts";
import { type RecordedUpdate, recordUpdate, succeed } from "./recorded-update.ts";

/**
 * The next release of a stack that has released before, which withdraws the one before it: every resource is updated,
 * where the first release makes it, and a published release is marked.
 */
export function laterRelease(lane: Lane): Promise<RecordedUpdate> {
  return recordUpdate(lane, {
    name: "first-release",
    async begin(each) {
      await succeed(each, {});
      await killAtPush(each, { settings: { version: "1.1.0" } });
    },
    asked: { settings: { version: "1.1.0", withdrawn: '["1.0.0"]' } },
    versions: ["1.0.0", "1.1.0"],
    seen: async (each) => JSON.stringify(await readPublished(each).catch(String)),
  });
}
