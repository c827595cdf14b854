import { z } from "zod";
import { readBody } from "./body.ts";
import { type App, type Call, commit, repositoryOf, type Service } from "./context.ts";
import { environmentOf } from "./environments.ts";
import { conflict, notFound, unprocessable } from "./error.ts";
import { openSecret } from "./inspection.ts";
import { page } from "./pagination.ts";
import type { Environment, Repository, Secret, Variable } from "./state.ts";

const SecretBody = z.object({ encrypted_value: z.string(), key_id: z.string() });
const VariableBody = z.object({ name: z.string(), value: z.string() });
const VariablePatch = VariableBody.partial();

/**
 * Actions secrets and variables, of the repository and of its environments: the same routes in two places.
 * https://docs.github.com/rest/actions/secrets, https://docs.github.com/rest/actions/variables
 */
export function actionsRoutes(app: App, service: Service): void {
  const { store } = service;
  routesBelow(app, service, "/repos/:owner/:repo/actions", (call) => repositoryOf(call, store, "admin"));
  routesBelow(app, service, "/repos/:owner/:repo/environments/:environment", (call) =>
    environmentOf(call, repositoryOf(call, store, "admin")),
  );
}

function routesBelow(
  app: App,
  { store, links }: Service,
  base: string,
  placeOf: (call: Call) => Repository | Environment,
): void {
  app.get(`${base}/secrets/public-key`, (call) => {
    placeOf(call);
    const { id, publicKey } = store.state.keyPair;
    return call.json({ key_id: id, key: publicKey });
  });

  app.get(`${base}/secrets`, (call) => {
    const secrets = Object.values(placeOf(call).secrets);
    return call.json({ total_count: secrets.length, secrets: page(call, secrets, links).map(presentSecret) });
  });

  app.get(`${base}/secrets/:name`, (call) => {
    const secret = placeOf(call).secrets[nameOf(call)];
    if (!secret) throw notFound();
    return call.json(presentSecret(secret));
  });

  app.put(`${base}/secrets/:name`, async (call) => {
    const { secrets } = placeOf(call);
    const body = await readBody(call, SecretBody);
    const name = nameOf(call);
    if (!isName(name)) throw unprocessable("Secret names can only contain alphanumeric characters or underscores.");
    if (body.key_id !== store.state.keyPair.id) throw unprocessable("The key_id does not match the current public key");
    refuseUnopenable(body.encrypted_value);
    const [time, known] = [store.time(), secrets[name]];
    secrets[name] = {
      name,
      encryptedValue: body.encrypted_value,
      createdAt: known?.createdAt ?? time,
      updatedAt: time,
    };
    commit(call, store);
    return known ? call.body(null, 204) : call.json({}, 201);
  });

  app.delete(`${base}/secrets/:name`, (call) => {
    const { secrets } = placeOf(call);
    if (!secrets[nameOf(call)]) throw notFound();
    delete secrets[nameOf(call)];
    commit(call, store);
    return call.body(null, 204);
  });

  app.get(`${base}/variables`, (call) => {
    const variables = Object.values(placeOf(call).variables);
    return call.json({ total_count: variables.length, variables: page(call, variables, links).map(presentVariable) });
  });

  app.get(`${base}/variables/:name`, (call) => call.json(presentVariable(variableOf(call))));

  app.post(`${base}/variables`, async (call) => {
    const { variables } = placeOf(call);
    const body = await readBody(call, VariableBody);
    const name = body.name.toUpperCase();
    if (!isName(name)) throw unprocessable("Variable names can only contain alphanumeric characters or underscores.");
    if (variables[name]) throw conflict("Already exists - Variable already exists");
    const time = store.time();
    variables[name] = { name, value: body.value, createdAt: time, updatedAt: time };
    commit(call, store);
    return call.json({}, 201);
  });

  app.patch(`${base}/variables/:name`, async (call) => {
    const { variables } = placeOf(call);
    const body = await readBody(call, VariablePatch);
    const variable = variableOf(call);
    const name = (body.name ?? variable.name).toUpperCase();
    if (name !== variable.name && variables[name]) throw conflict("Already exists - Variable already exists");
    delete variables[variable.name];
    variables[name] = { ...variable, name, value: body.value ?? variable.value, updatedAt: store.time() };
    commit(call, store);
    return call.body(null, 204);
  });

  app.delete(`${base}/variables/:name`, (call) => {
    delete placeOf(call).variables[variableOf(call).name];
    commit(call, store);
    return call.body(null, 204);
  });

  function variableOf(call: Call): Variable {
    const variable = placeOf(call).variables[nameOf(call)];
    if (!variable) throw notFound();
    return variable;
  }

  function refuseUnopenable(encryptedValue: string): void {
    try {
      openSecret(store.state, { encryptedValue });
    } catch {
      throw unprocessable("Bad Request - encrypted_value is no sealed box for the current public key");
    }
  }
}

/** Names are kept in capitals, whatever they were written in. */
function nameOf(call: Call): string {
  return (call.req.param("name") ?? "").toUpperCase();
}

/** https://docs.github.com/actions/reference/workflows-and-actions/variables#naming-conventions-for-configuration-variables */
function isName(name: string): boolean {
  return /^(?!GITHUB_)[A-Z_][A-Z0-9_]*$/.test(name);
}

function presentSecret({ name, createdAt, updatedAt }: Secret) {
  return { name, created_at: createdAt, updated_at: updatedAt };
}

function presentVariable({ name, value, createdAt, updatedAt }: Variable) {
  return { name, value, created_at: createdAt, updated_at: updatedAt };
}
