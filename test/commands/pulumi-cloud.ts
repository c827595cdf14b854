import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { Hono } from "hono";
import { onTestFinished } from "vitest";
import { close, listen } from "../../rehearsal/github/listener.ts";

/** A request that the CLI has sent. */
export interface Sent {
  readonly method: string;
  readonly path: string;
  /** Parsed JSON; undefined when there was no body. */
  readonly body: unknown;
}

/** As little of Pulumi Cloud as the CLI asks for when it handles deployment settings. */
export interface PulumiCloud {
  readonly url: string;
  readonly sent: Sent[];
  /** What is kept; a test may put something there or take it away. */
  settings: Record<string, unknown> | undefined;
  /** The update that is in progress. */
  operation: { readonly kind: string; readonly author: string; readonly started: number } | undefined;
}

const STACK = "/api/stacks/octo-org/mount-monitor/prod";
/** Path of the settings. */
export const SETTINGS = `${STACK}/deployments/settings`;
/** The one token that is taken. */
export const ACCESS_TOKEN = "pul-0123456789abcdef0123456789abcdef01234567";

/**
 * Starts a stand-in of Pulumi Cloud on the loopback interface, which records what it is sent. It merges what is posted to
 * the settings, and gives secrets back as ciphertext, as the service's description says. It ends with the test.
 * @see https://www.pulumi.com/docs/reference/cloud-rest-api/deployments/
 */
export async function startPulumiCloud(): Promise<PulumiCloud> {
  const app = new Hono();
  const { server, url } = await listen(0, async (incoming, outgoing) => {
    const raw = await buffer(incoming);
    const body = incoming.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw;
    const response = await app.request(incoming.url ?? "/", {
      method: incoming.method ?? "GET",
      headers: { authorization: incoming.headers.authorization ?? "" },
      body: body.length === 0 ? null : new Uint8Array(body),
    });
    outgoing.writeHead(response.status, Object.fromEntries(response.headers)).end(await response.text());
  });
  onTestFinished(() => close(server));
  const cloud: PulumiCloud = { url, sent: [], settings: undefined, operation: undefined };

  app.use(async (call, next) => {
    const text = await call.req.text();
    cloud.sent.push({ method: call.req.method, path: call.req.path, body: text ? JSON.parse(text) : undefined });
    if (call.req.header("authorization") !== `token ${ACCESS_TOKEN}`) {
      return call.json({ code: 401, message: "Unauthorized: No credentials provided or are invalid." }, 401);
    }
    return next();
  });
  const user = { githubLogin: "octocat", name: "Octo Cat", email: "octocat@example.com" };
  app.get("/api/user", (call) => call.json({ ...user, organizations: [{ githubLogin: "octo-org", name: "Octo" }] }));
  app.get("/api/user/organizations/default", (call) => call.json({ GitHubLogin: "octo-org" }));
  app.get("/api/capabilities", (call) => call.json({ capabilities: [] }));
  app.get("/api/openapi/pulumi-spec.json", (call) => call.json(DESCRIPTION));
  app.get(STACK, (call) =>
    call.json({
      orgName: "octo-org",
      projectName: "mount-monitor",
      stackName: "prod",
      activeUpdate: "",
      tags: {},
      version: 0,
      ...(cloud.operation ? { currentOperation: cloud.operation } : {}),
    }),
  );
  app.get(`${STACK}/export`, (call) => call.json({ version: 3, deployment: {} }));
  app.get(SETTINGS, (call) =>
    cloud.settings
      ? call.json(cloud.settings)
      : call.json({ code: 404, message: "Not Found: Deployment settings" }, 404),
  );
  app.post(SETTINGS, async (call) => {
    cloud.settings = merged(cloud.settings ?? {}, await call.req.json()) as Record<string, unknown>;
    return call.json(cloud.settings);
  });
  app.notFound((call) => call.json({ code: 404, message: "Not Found" }, 404));
  return cloud;
}

// Only this part of the description is asked for.
const operation = (operationId: string) => ({
  operationId,
  parameters: ["orgName", "projectName", "stackName"].map((name) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  })),
  responses: { 200: { description: "OK", content: { "application/json": { schema: { type: "object" } } } } },
});
const DESCRIPTION = {
  openapi: "3.0.3",
  info: { title: "Pulumi APIs", version: "1.0.0" },
  components: { schemas: {} },
  paths: {
    "/api/stacks/{orgName}/{projectName}/{stackName}/deployments/settings": {
      get: operation("GetDeploymentSettings"),
      post: {
        ...operation("PatchDeploymentSettings"),
        requestBody: { content: { "application/json": { schema: { type: "object" } } } },
      },
    },
  },
};

/** A deep merge in which null deletes; what is sent as `{ secret }` comes back as ciphertext. */
function merged(old: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  if ("secret" in patch) return { ciphertext: Buffer.from("sealed").toString("base64") };
  const kept = isRecord(old) ? old : {};
  const changed = Object.entries(patch).map(([key, value]) => [key, merged(kept[key], value)] as const);
  return Object.fromEntries(
    Object.entries({ ...kept, ...Object.fromEntries(changed) }).filter(([, value]) => value !== null),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
