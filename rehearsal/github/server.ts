import { Hono } from "hono";
import { accountRoutes } from "./accounts.ts";
import { actionsRoutes } from "./actions.ts";
import { actionsPermissionRoutes } from "./actions-permissions.ts";
import { assetRoutes, downloadRoutes, uploadRoutes } from "./assets.ts";
import { commitRoutes } from "./commits.ts";
import { contentRoutes } from "./contents.ts";
import type { App, Permission, Service } from "./context.ts";
import { environmentRoutes } from "./environments.ts";
import { GitHubError } from "./error.ts";
import { type BoundaryHook, type Exchange, exchange, type Office } from "./exchange.ts";
import { type FaultRule, Faults } from "./faults.ts";
import type { RequestRecord } from "./history.ts";
import { type Inspection, inspection } from "./inspection.ts";
import { issueRoutes } from "./issues.ts";
import type { Links } from "./links.ts";
import { close, listen } from "./listener.ts";
import { RateLimit } from "./rate-limit.ts";
import { refRoutes } from "./refs.ts";
import { releaseRoutes } from "./releases.ts";
import { repositoryRoutes } from "./repositories.ts";
import { rulesetRoutes } from "./rulesets.ts";
import { type NewRepository, Store } from "./store.ts";
import type { TokenReach } from "./token-reach.ts";

export interface GitHubOptions {
  /** 0: any that is free. */
  port: number;
  /** Where state and asset bytes stay from one start to the next; absent: memory only. */
  dataDir?: string;
  /** The administrator's token; other tokens are refused with 401. */
  token: string;
  /** Whom the token stands for. Default `octocat`. */
  login?: string;
  /** Every full SHA is a commit that exists. GitHub knows only pushed ones; nothing is pushed to the local one. */
  acceptAnyCommit?: boolean;
  now?: () => Date;
  onBoundary?: BoundaryHook;
  /** Sees every answer of the routes, before misbehaviour: for the schema check of the tests. May throw nothing. */
  onResponse?: (exchange: Exchange) => void;
}

export interface LocalGitHub {
  /** `http://127.0.0.1:PORT` */
  url: string;
  /** `url` + `/api/v3` */
  apiUrl: string;
  /** Root of the second listener, from which asset bytes come. */
  storageUrl: string;
  /** Every request since the start, in the order of arrival; may be emptied by setting its length to 0. */
  history: RequestRecord[];
  rateLimit: RateLimit;
  inspect: Inspection;
  /** Adds a rule; when several are due for a request, the one that was added first acts. */
  misbehave(rule: FaultRule): void;
  clearFaults(): void;
  /** The hooks of the options; both may be replaced at any time. */
  hooks: Office["hooks"];
  /** Lets another token in, for example one that may push but not administer. */
  addToken(token: string, login: string, permission: Permission, reach?: TokenReach): void;
  /** @throws Error if it is there already */
  createRepository(repository: NewRepository): void;
  hasRepository(fullName: string): boolean;
  stop(): Promise<void>;
}

/**
 * Starts the local GitHub: what this project uses of GitHub's REST API (2022-11-28), on the loopback interface.
 *
 * Where it differs from GitHub: there is no git transport (commits are registered, see {@link Inspection.addCommit});
 * a release's `created_at` is the time of its creation, not of its commit; tree SHAs are not git's; commit files and
 * statistics are empty; generated notes hold the comparison link only; every owner is a person, reviewers are users;
 * of rulesets only those on creation, update, deletion and force pushes bind, and only without bypass actors.
 * @throws Error if the port is taken
 */
export async function startGitHub(options: GitHubOptions): Promise<LocalGitHub> {
  const store = await Store.open(options);
  const links: Links = { web: "", api: "", uploads: "", storage: "" };
  const rateLimit = new RateLimit();
  const office: Office = {
    apps: routes({ store, links, rateLimit }),
    faults: new Faults(),
    rateLimit,
    history: [],
    actors: new Map([[options.token, { login: options.login ?? "octocat", permission: "admin" }]]),
    seconds: () => store.seconds(),
    nameOf: (id) => store.nameOf(id),
    hooks: { onBoundary: options.onBoundary, onResponse: options.onResponse },
  };
  const main = await listen(options.port, (incoming, outgoing) => void exchange(office, incoming, outgoing, "main"));
  const storage = await listen(0, (incoming, outgoing) => void exchange(office, incoming, outgoing, "storage"));
  const [url, apiUrl] = [main.url, `${main.url}/api/v3`];
  Object.assign(links, { web: url, api: apiUrl, uploads: `${url}/api/uploads`, storage: storage.url } satisfies Links);
  return {
    url,
    apiUrl,
    storageUrl: storage.url,
    history: office.history,
    rateLimit: office.rateLimit,
    inspect: inspection(store),
    misbehave: (rule) => office.faults.add(rule),
    clearFaults: () => office.faults.clear(),
    hooks: office.hooks,
    addToken: (token, login, permission, reach) => void office.actors.set(token, { login, permission, reach }),
    createRepository: (repository) => void store.createRepository(repository),
    hasRepository: (fullName) => fullName.toLowerCase() in store.state.repositories,
    async stop() {
      await Promise.all([close(main.server), close(storage.server)]);
      store.save();
    },
  };
}

function routes(service: Service): Office["apps"] {
  const apps = { api: surface(), uploads: surface(), web: surface(), storage: surface() };
  accountRoutes(apps.api, service);
  repositoryRoutes(apps.api, service);
  releaseRoutes(apps.api, service);
  assetRoutes(apps.api, service);
  refRoutes(apps.api, service);
  commitRoutes(apps.api, service);
  contentRoutes(apps.api, service);
  actionsPermissionRoutes(apps.api, service);
  environmentRoutes(apps.api, service);
  actionsRoutes(apps.api, service);
  rulesetRoutes(apps.api, service);
  issueRoutes(apps.api, service);
  uploadRoutes(apps.uploads, service);
  downloadRoutes(apps.web, apps.storage, service);
  return apps;
}

function surface(): App {
  const app: App = new Hono();
  app.notFound((call) => call.json(new GitHubError(404, "Not Found").body(), 404));
  app.onError((error) => {
    const known =
      error instanceof GitHubError ? error : new GitHubError(500, `the local GitHub failed: ${error.stack}`);
    return Response.json(known.body(), { status: known.status });
  });
  return app;
}
