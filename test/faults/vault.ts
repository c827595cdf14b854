import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { parse, stringify } from "yaml";
import { close, listen } from "../../rehearsal/github/listener.ts";

/** How the engine is told of the key service. */
export const SECRETS_PROVIDER = "hashivault://faults";

const ENCRYPTED_KEY = "vault:v1:faults";
// One for all lanes: what is encrypted in one can be read in another.
const DATA_KEY = randomBytes(32).toString("base64");

/** A key service that decrypts the data key of the suite's stacks. */
export interface Vault extends AsyncDisposable {
  /** How the engine finds it. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Starts as little of Vault as the engine asks for. With a passphrase every start of the CLI derives the key anew, which is
 * meant to be slow: nearly half of the processor time of all CLIs that the suite starts.
 * @see https://developer.hashicorp.com/vault/api-docs/secret/transit#decrypt-data
 */
export async function startVault(): Promise<Vault> {
  const { server, url } = await listen(0, (request, response) => {
    const known = request.method === "PUT" && request.url === "/v1/transit/decrypt/faults";
    response.writeHead(known ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(known ? { data: { plaintext: DATA_KEY } } : { errors: [] }));
  });
  return {
    environment: { VAULT_ADDR: url, VAULT_TOKEN: "faults" },
    [Symbol.asyncDispose]: () => close(server),
  };
}

/** Has the committed settings of a stack say that the key service keeps its secrets. */
export async function useVault(file: string): Promise<void> {
  const { encryptionsalt, ...settings } = parse(await readFile(file, "utf8"));
  const encryptedkey = Buffer.from(ENCRYPTED_KEY).toString("base64");
  await writeFile(file, stringify({ secretsprovider: SECRETS_PROVIDER, encryptedkey, ...settings }));
}
