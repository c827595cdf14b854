import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Ajv, type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import type { Exchange } from "../../../rehearsal/github/exchange.ts";

type Json = Record<string, unknown>;
interface Operation {
  responses: Record<string, { $ref?: string; content?: Record<string, { schema?: Json }> }>;
}
interface Description {
  paths: Record<string, Record<string, Operation>>;
  components: { responses: Record<string, Operation["responses"][string]> } & Json;
}

let loaded: { ajv: Ajv; description: Description } | undefined;
const compiled = new Map<string, ValidateFunction | null>();

/**
 * Compares an answer with GitHub's own description of it (`@octokit/openapi`, api.github.com).
 * @param route a template (`/repos/{owner}/{repo}/releases`) or a path as it was asked for (`/repos/o/r/releases`)
 * @param body parsed JSON; undefined for an answer without a body
 * @throws Error that lists what differs, or names a route or a status that GitHub does not document
 */
export function validateResponse(method: string, route: string, status: number, body: unknown): void {
  const { description } = load();
  const template = templateOf(method, route);
  const key = `${method} ${template} ${status}`;
  if (!compiled.has(key)) compiled.set(key, compile(description, method, template, status));
  const validate = compiled.get(key);
  if (!validate) {
    if (body !== undefined && body !== null && status < 400)
      throw new Error(`${key}: an answer without a body has one`);
    return;
  }
  if (!validate(body)) {
    const problems = validate.errors
      ?.slice(0, 8)
      .map(({ instancePath, message }) => `${instancePath || "/"} ${message}`);
    throw new Error(`${key}: ${problems?.join("; ")}\n${JSON.stringify(body)?.slice(0, 2000)}`);
  }
}

/** For the `onResponse` hook of the local GitHub: answers of its web pages and its storage are described nowhere. */
export function validateExchange({ method, surface, path, status, body }: Exchange): void {
  if (surface === "api" || surface === "uploads") validateResponse(method, path, status, body);
}

/**
 * The documented route that a path belongs to, the most literal one first.
 * @throws Error if there is none
 */
export function templateOf(method: string, route: string): string {
  const candidates = Object.entries(load().description.paths)
    .filter(
      ([template, operations]) =>
        method.toLowerCase() in operations && (template === route || pattern(template).test(route)),
    )
    .map(([template]) => template)
    .sort((left, right) => variables(left) - variables(right));
  const [template] = candidates;
  if (template === undefined) throw new Error(`GitHub documents no ${method} ${route}`);
  return template;
}

/** Answers for errors that any route may give, in one shape. https://docs.github.com/rest */
const ERROR: Json = {
  type: "object",
  required: ["message", "documentation_url"],
  properties: { message: { type: "string" }, documentation_url: { type: "string" }, errors: { type: "array" } },
};
/** Everywhere possible, whether a route's page lists them or not. */
const UNIVERSAL = new Set([304, 400, 401, 403, 404, 409, 422, 500]);

function compile(description: Description, method: string, template: string, status: number): ValidateFunction | null {
  const { ajv } = load();
  const listed = description.paths[template]?.[method.toLowerCase()]?.responses[String(status)];
  const response = listed?.$ref ? description.components.responses[listed.$ref.split("/").pop() ?? ""] : listed;
  if (!response && !UNIVERSAL.has(status)) {
    throw new Error(`GitHub documents no status ${status} for ${method} ${template}`);
  }
  if (status === 304) return null;
  const schema = response?.content?.["application/json"]?.schema;
  if (status >= 400) return ajv.compile(schema ? { allOf: [ERROR, absolute(schema)] } : ERROR);
  return schema ? ajv.compile(absolute(schema)) : null;
}

function load(): { ajv: Ajv; description: Description } {
  if (loaded) return loaded;
  const directory = createRequire(import.meta.url).resolve("@octokit/openapi/package.json");
  const file = new URL("generated/api.github.com.json", `file://${directory}`);
  const description: Description = JSON.parse(readFileSync(file, "utf8"));
  // An upload that failed leaves `starter`; GitHub's page says so, its schema has forgotten it.
  const ajv = new Ajv({ strict: false, allErrors: true, validateSchema: false, logger: false });
  addFormats.default(ajv);
  translate(description);
  admitStarter(description.components);
  ajv.addSchema({ $id: "github", components: description.components });
  loaded = { ajv, description };
  return loaded;
}

/**
 * Makes JSON Schema of the description: OpenAPI 3.0 says `nullable: true` where JSON Schema wants `null` among the possibilities, and where
 * GitHub says `oneOf` the alternatives often overlap, so that `anyOf` is meant.
 */
function translate(node: unknown): void {
  if (Array.isArray(node)) {
    for (const entry of node) translate(entry);
    return;
  }
  if (!isObject(node)) return;
  for (const child of Object.values(node)) translate(child);
  if (node.oneOf) {
    node.anyOf = node.oneOf;
    delete node.oneOf;
  }
  if (node.nullable !== true) return;
  delete node.nullable;
  if (typeof node.type === "string") node.type = [node.type, "null"];
  if (Array.isArray(node.enum) && !node.enum.includes(null)) node.enum.push(null);
  if (Array.isArray(node.anyOf)) node.anyOf.push({ type: "null" });
}

function admitStarter(components: Json): void {
  const state = ["schemas", "release-asset", "properties", "state"].reduce<unknown>(
    (node, key) => (isObject(node) ? node[key] : undefined),
    components,
  );
  if (!isObject(state) || !Array.isArray(state.enum)) throw new Error("the schema of release-asset has changed");
  state.enum.push("starter");
}

/** A schema of a path, with its references into the components made absolute. */
function absolute(schema: Json): Json {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"github#/'));
}

const patterns = new Map<string, RegExp>();

function pattern(template: string): RegExp {
  const known = patterns.get(template);
  if (known) return known;
  const source = template
    .split(/\{(\w+)\}/)
    .map((part, index) =>
      index % 2 === 0 ? part.replace(/[.]/g, "\\.") : part === "ref" || part === "path" ? ".+" : "[^/]+",
    );
  const made = new RegExp(`^${source.join("")}$`);
  patterns.set(template, made);
  return made;
}

function variables(template: string): number {
  return template.split("{").length;
}

function isObject(node: unknown): node is Json {
  return typeof node === "object" && node !== null && !Array.isArray(node);
}
