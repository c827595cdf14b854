import Table from "cli-table3";
import { openStorage } from "../services/artifact-storage.ts";

const entries = await openStorage().entries();
const table = new Table({
  head: ["artifact", "version", "state", "used", "size", "SHA-256"],
  style: { head: [], border: [], compact: true },
});
table.push(
  ...entries.map(({ name, version, state, usedAt, size, checksum }) => [
    name,
    version,
    state,
    usedAt,
    size ?? "",
    checksum ?? "",
  ]),
);
console.log(entries.length === 0 ? "The artifact storage is empty." : table.toString());
