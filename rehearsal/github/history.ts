/** Which of GitHub's hosts a request was meant for. */
export type Surface = "api" | "uploads" | "web" | "storage";

/** One request, in the order of arrival. */
export interface RequestRecord {
  method: string;
  surface: Surface;
  /** Without the `/api/v3` and `/api/uploads` prefixes and without the query: `/repos/o/r/releases`, also for `/repositories/1`. */
  path: string;
  /** With its question mark, or empty. */
  query: string;
  /** What the client was told; 0 as long as it was told nothing, also when the reply was dropped. */
  status: number;
  /** ISO 8601 with milliseconds: the time of arrival. */
  time: string;
  /** The request changed what is stored, whatever the client was told. */
  applied: boolean;
  /** The request carried an Authorization header. */
  credential: boolean;
  /** The misbehaviour it met, by its key, or null. */
  fault: string | null;
  /** Bytes of the request's body. */
  size: number;
  /** The body in short, at most 300 characters; values of secrets and variables are left out. */
  summary: string;
}

const HIDDEN = new Set(["encrypted_value", "value", "content"]);

/** The body of a request in short, without anything that may be secret. */
export function summarise(body: Buffer, contentType: string): string {
  if (body.length === 0) return "";
  const text = contentType.includes("json") || body[0] === 0x7b ? visible(body) : undefined;
  return text === undefined ? `${body.length} bytes of ${contentType || "unknown type"}` : text.slice(0, 300);
}

function visible(body: Buffer): string | undefined {
  try {
    return JSON.stringify(JSON.parse(body.toString("utf8")), (key, value) => (HIDDEN.has(key) ? "…" : value));
  } catch {
    return undefined; // not JSON after all: the caller then tells its size only
  }
}
