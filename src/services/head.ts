import { type IncomingMessage, request as plainRequest } from "node:http";
import { request as securedRequest } from "node:https";

/** What is used of a `Response`. */
export type Head = Pick<Response, "status" | "headers" | "body">;

/**
 * Asks by HEAD over a connection that is kept for the next one. `fetch` closes it behind every HEAD, and after that its
 * pool keeps none for other requests either: each would be a TLS handshake of its own. Redirects are not followed.
 * Source: https://github.com/nodejs/undici/pull/1858
 *
 * @throws Node's error when there is no answer, or `signal` ends the wait
 */
export function head(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Head> {
  const request = url.protocol === "https:" ? securedRequest : plainRequest;
  return new Promise((resolve, reject) => {
    let response: Head | undefined;
    request(url, { method: "HEAD", headers, signal })
      .on("response", (answer) => {
        response = responseOf(answer);
        // When it is closed its connection is free, and no longer ended by the signal.
        answer.on("close", () => response && resolve(response)).resume();
      })
      // After the answer it says that a server sent a body nevertheless: that connection is not used again.
      .on("error", (error) => (response ? resolve(response) : reject(error)))
      .end();
  });
}

function responseOf({ statusCode, headersDistinct }: IncomingMessage): Head {
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(headersDistinct)) {
    for (const value of values) {
      headers.append(name, value);
    }
  }
  return { status: statusCode ?? 0, headers, body: null };
}
