/** How a registry wants to be addressed. */
export type Challenge =
  | { readonly scheme: "basic" }
  | {
      readonly scheme: "bearer";
      readonly realm: string;
      readonly service: string | undefined;
      readonly scope: string | undefined;
    };

const parameterPattern = /([a-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/gi;

/**
 * The challenge of a `WWW-Authenticate` header; Bearer is preferred where both are offered, undefined when there is
 * neither or Bearer names no realm.
 * Source: https://distribution.github.io/distribution/spec/auth/token/
 */
export function parseChallenge(header: string | null): Challenge | undefined {
  const bearer = /(?:^|,)\s*bearer\s+(.*)$/is.exec(header ?? "")?.[1];
  if (bearer !== undefined) {
    const parameters = new Map<string, string>();
    for (const [, name = "", quoted, token = ""] of bearer.matchAll(parameterPattern)) {
      parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? token);
    }
    const realm = parameters.get("realm");
    if (realm) {
      return { scheme: "bearer", realm, service: parameters.get("service"), scope: parameters.get("scope") };
    }
  }
  return /(?:^|,)\s*basic(\s|$)/i.test(header ?? "") ? { scheme: "basic" } : undefined;
}
