const HIDDEN = "***";
// A shorter value stands in too many texts by chance; no credential is that short.
const SHORTEST = 6;
const CREDENTIAL = /(?:TOKEN|PASSWORD|PASSPHRASE|SECRET|CREDENTIALS|_KEY)(?:_|$)/;

/**
 * A text without secrets: each is replaced by `***` wherever it stands, also line by line, and as Base64 or a part of a
 * URL writes it.
 */
export function redacted(text: string, secrets: readonly string[]): string {
  const forms = secrets
    .flatMap((secret) => [secret, ...secret.split(/\r?\n/)])
    .flatMap((secret) => [
      secret,
      encodeURIComponent(secret.toWellFormed()),
      JSON.stringify(secret).slice(1, -1),
      Buffer.from(secret).toString("base64"),
      Buffer.from(secret).toString("base64url"),
    ])
    .filter((form) => form.length >= SHORTEST)
    // Longest first: what is a part of another one must not cut it.
    .sort((left, right) => right.length - left.length);
  return [...new Set(forms)].reduce((shown, form) => shown.replaceAll(form, HIDDEN), text);
}

/** The credentials of an environment, by the names of its variables. */
export function credentialsIn(environment: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(environment).flatMap(([name, value]) => (value && CREDENTIAL.test(name) ? [value] : []));
}
