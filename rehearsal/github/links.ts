import type { Repository } from "./state.ts";

/** The addresses under which things are served. */
export interface Links {
  /** `http://127.0.0.1:PORT` */
  web: string;
  /** `http://127.0.0.1:PORT/api/v3` */
  api: string;
  /** `http://127.0.0.1:PORT/api/uploads` */
  uploads: string;
  /** Root of the listener that hands out asset bytes. */
  storage: string;
}

export function webOf(links: Links, repository: Pick<Repository, "owner" | "name">): string {
  return `${links.web}/${repository.owner}/${repository.name}`;
}

export function apiOf(links: Links, repository: Pick<Repository, "owner" | "name">): string {
  return `${links.api}/repos/${repository.owner}/${repository.name}`;
}

/** GitHub's opaque name for a thing. */
export function nodeId(kind: string, id: number | string): string {
  return `${kind}_${Buffer.from(String(id)).toString("base64url")}`;
}

/** Path segments stay readable; everything else in them is escaped. */
export function pathOf(name: string): string {
  return name.split("/").map(encodeURIComponent).join("/");
}
