import { z } from "zod";
import { quoted } from "../../model/quotation.ts";
import { ServiceError } from "../service-error.ts";
import { type Answer, contentOf, detailOf, type Exchange, type Transport } from "../transport.ts";
import { type Challenge, parseChallenge } from "./challenge.ts";
import type { Credentials } from "./credentials.ts";

/** Sends requests to one repository of a registry, with the authorization that it asks for. */
export interface Session {
  /** Like {@link Transport.exchange}; answers that the request is not authorized never reach `read`. */
  exchange<T>(request: Exchange, read: (answer: Answer) => Promise<T>): Promise<T>;
}

// Not a failure of the service: an answer that asks for (another) authorization.
class Unauthorized extends Error {
  readonly challenge: string | null;
  readonly detail: string;

  constructor(challenge: string | null, detail: string) {
    super("unauthorized");
    this.challenge = challenge;
    this.detail = detail;
  }
}

const tokenSchema = z
  .object({ token: z.string().optional(), access_token: z.string().optional() })
  .transform(({ token, access_token }) => token || access_token)
  // It goes into a header; what cannot stand there would be repeated in the error.
  .pipe(z.string().regex(/^[\x21-\x7e]+$/));

/**
 * A session with the token flow of registries: nothing is sent before it is asked for, a token is kept (in memory only)
 * for what it was given for, and one that has expired is replaced once.
 * Source: https://distribution.github.io/distribution/spec/auth/token/
 */
export function createSession(
  transport: Transport,
  { service, repository, credentials }: { service: string; repository: string; credentials: Credentials | undefined },
): Session {
  // A token to push may pull too, but one to pull may not push.
  const held = new Map<"pull" | "push", Promise<string>>();

  return {
    async exchange(request, read) {
      const need = request.method === "GET" || request.method === "HEAD" ? "pull" : "push";
      const used = held.get("push") ?? held.get(need);
      try {
        return await send(request, await used, read);
      } catch (error) {
        if (!(error instanceof Unauthorized)) {
          throw error;
        }
        // A token to push that has expired must not be tried again for every read.
        if (held.get("push") === used) {
          held.delete("push");
        }
        // Requests under way at the same time share one new token.
        const current = held.get("push") ?? held.get(need);
        const renewed = current !== undefined && current !== used ? current : authorize(error, need);
        held.set(need, renewed);
        renewed.catch(() => held.delete(need));
        return await send(request, await renewed, read).catch((again: unknown) => {
          held.delete(need);
          throw again instanceof Unauthorized ? refused(again.detail) : again;
        });
      }
    },
  };

  function send<T>(
    request: Exchange,
    authorization: string | undefined,
    read: (answer: Answer) => Promise<T>,
  ): Promise<T> {
    const headers = { ...request.headers, ...(authorization === undefined ? {} : { authorization }) };
    return transport.exchange({ ...request, headers }, async (answer) => {
      if (answer.status === 401) {
        throw new Unauthorized(
          answer.headers.get("www-authenticate"),
          detailOf((await contentOf(answer)).toString("utf8")),
        );
      }
      return read(answer);
    });
  }

  async function authorize({ challenge: header, detail }: Unauthorized, need: "pull" | "push"): Promise<string> {
    const challenge = parseChallenge(header);
    if (challenge?.scheme === "bearer") {
      return `Bearer ${await fetchToken(challenge, need)}`;
    }
    if (challenge?.scheme === "basic" && credentials && "username" in credentials) {
      return basic(credentials);
    }
    throw refused(challenge ? detail : `it asks for an authorization that is not known (${quoted(header ?? "")})`);
  }

  async function fetchToken(
    { realm, service: audience, scope }: Extract<Challenge, { scheme: "bearer" }>,
    need: "pull" | "push",
  ) {
    if (!URL.canParse(realm)) {
      throw refused(`its token service ${quoted(realm)} is no address`);
    }
    // Some registries ask for pull whatever was sent, ghcr.io among them: a write names what it needs.
    const own = `repository:${repository}:${need === "push" ? "pull,push" : "pull"}`;
    const asked = {
      ...(audience ? { service: audience } : {}),
      scope: scope === undefined || (need === "push" && !/[:,]push\b/.test(scope)) ? own : scope,
    };
    return transport.exchange(tokenRequest(new URL(realm), asked), async (answer) => {
      const text = (await contentOf(answer)).toString("utf8");
      if (answer.status !== 200) {
        throw refused(`its token service answered ${answer.status}: ${detailOf(text)}`, answer.status);
      }
      try {
        return tokenSchema.parse(JSON.parse(text));
      } catch {
        // The answer may hold a token in some other place: it is not quoted.
        throw refused("the answer of its token service holds no token");
      }
    });
  }

  function tokenRequest(realm: URL, asked: Record<string, string>): Exchange {
    if (credentials && "identityToken" in credentials) {
      const form = new URLSearchParams({
        ...asked,
        grant_type: "refresh_token",
        refresh_token: credentials.identityToken,
        client_id: "mount-monitor-release",
      });
      return {
        method: "POST",
        url: realm.href,
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: form.toString(),
        idempotent: true,
      };
    }
    for (const [name, value] of Object.entries(asked)) {
      realm.searchParams.set(name, value);
    }
    return { method: "GET", url: realm.href, headers: credentials ? { authorization: basic(credentials) } : {} };
  }

  function refused(detail: string, status = 401): ServiceError {
    const who = !credentials
      ? "an anonymous user"
      : "username" in credentials
        ? `user ${quoted(credentials.username)}`
        : "the identity token";
    return new ServiceError(
      `${service} refuses ${who} for "${repository}" (${status}): ${detail}. ` +
        "Set registryUser and registryPassword, or log in with docker login; for ghcr.io the token needs the permission packages: write",
      { service, status },
    );
  }
}

function basic({ username, password }: Extract<Credentials, { username: string }>): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
