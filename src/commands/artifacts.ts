import Table from "cli-table3";
import { openStorage } from "../services/artifact-storage.ts";

const entries = await openStorage().entries();
const table = new Table({ head: ["artifact", "version", "state", "since", "size", "SHA-256"], style: { head: [], border: [], compact: true } });
table.push(
  ...entries.map(({ name, version, state, changedAt, size, checksum }) => [name, version, state, changedAt, size ?? "", checksum ?? ""]),
);
console.log(entries.length === 0 ? "The artifact storage is empty." : table.toString());
