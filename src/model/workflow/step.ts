import { ACTIONS } from "./action.ts";
import { expression, type Step, type Values, type Workflow } from "./document.ts";
import { stackOf, type WorkflowOptions } from "./options.ts";

// Node runs the program's TypeScript by itself; a test keeps it equal to package.json.
const NODE = "24.21.0";
// Tests keep both equal to the kit's. A release is only completed by the BuildKit that began it.
/** Version of Pulumi's CLI. */
export const PULUMI = "3.259.0";
const BUILDKIT = "v0.31.1";

/** The program with its history and all tags; the job's token is not left behind in the checkout. */
export function checkout({ why, ref }: { readonly why?: string; readonly ref?: string } = {}): Step {
  return {
    ...(why === undefined ? {} : { why }),
    name: "Check out",
    uses: ACTIONS.checkout,
    with: { ...(ref === undefined ? {} : { ref }), "fetch-depth": 0, "persist-credentials": false },
  };
}

/** Node and the packages that the program needs; no package runs a script of its own. */
export function node(): Step[] {
  return [
    {
      name: "Set up Node",
      uses: ACTIONS.setupNode,
      with: { "node-version": NODE, "package-manager-cache": false },
    },
    {
      name: "Install packages",
      run: "npm ci --omit=dev --ignore-scripts --no-audit --no-fund",
      "timeout-minutes": 10,
    },
  ];
}

/** Go, and what earlier runs of the default branch have compiled. */
export function go(options: WorkflowOptions): Step[] {
  const { branch, source } = options;
  return [
    {
      name: "Set up Go",
      uses: ACTIONS.setupGo,
      with: {
        ...(isInside(source) ? { "go-version-file": `${source}/go.mod` } : { "go-version": "stable" }),
        cache: false,
      },
    },
    {
      why: `Only runs of ${branch} save this cache: no pull request can put anything into it.`,
      name: "Restore what Go has compiled",
      id: "cache",
      uses: ACTIONS.restoreCache,
      with: { ...goCache(options), "restore-keys": `${cachePrefix(options)}-` },
    },
  ];
}

/** Keeps what Go has compiled; the newest one is found by its prefix. */
export function saveGoCache(options: WorkflowOptions): Step {
  return {
    name: "Save what Go has compiled",
    if: "steps.cache.outputs.cache-hit != 'true'",
    uses: ACTIONS.saveCache,
    with: goCache(options),
  };
}

function goCache(options: WorkflowOptions): Values {
  return {
    path: "~/.cache/go-build\n~/go/pkg/mod\n",
    key: `${cachePrefix(options)}-${expression("github.sha")}`,
  };
}

function cachePrefix({ source }: WorkflowOptions): string {
  const modules = expression(`hashFiles('${source}/go.mod', '${source}/go.sum')`);
  return `go-${expression("runner.os")}-${expression("runner.arch")}${isInside(source) ? `-${modules}` : ""}`;
}

// A module elsewhere is no file of the checkout, and its path is a fact of the machine.
function isInside(source: string): boolean {
  return !/^(?:\/|\.\.(?:\/|$))/.test(source);
}

/** The builder, of the version that releases are made with. */
export function buildx(): Step {
  return {
    name: "Set up BuildKit",
    uses: ACTIONS.setupBuildx,
    with: { "driver-opts": `image=moby/buildkit:${BUILDKIT}`, "cache-binary": false },
  };
}

/** Docker's credentials for GitHub's registry; for another one the stack has its own. */
export function registry({ image }: WorkflowOptions): Step[] {
  return image.startsWith("ghcr.io/")
    ? [
        {
          name: "Log in to the registry",
          uses: ACTIONS.loginToRegistry,
          with: {
            registry: "ghcr.io",
            username: expression("github.actor"),
            password: expression("github.token"),
          },
        },
      ]
    : [];
}

/** Pulumi's CLI. */
export function pulumi(): Step {
  return { name: "Set up Pulumi", uses: ACTIONS.pulumi, with: { "pulumi-version": PULUMI } };
}

/** Short-lived credentials for where the state is, by OpenID Connect: none of them is a secret of the repository. */
export function backend(options: WorkflowOptions): Step {
  const name = "Log in to the backend";
  switch (new URL(options.backend).protocol) {
    case "s3:":
      return {
        name,
        uses: ACTIONS.loginToAws,
        with: { "role-to-assume": expression("vars.AWS_ROLE_ARN"), "aws-region": expression("vars.AWS_REGION") },
      };
    case "azblob:":
      return {
        name,
        uses: ACTIONS.loginToAzure,
        with: {
          "client-id": expression("vars.AZURE_CLIENT_ID"),
          "tenant-id": expression("vars.AZURE_TENANT_ID"),
          "subscription-id": expression("vars.AZURE_SUBSCRIPTION_ID"),
        },
      };
    case "gs:":
      return {
        name,
        uses: ACTIONS.loginToGoogle,
        with: {
          workload_identity_provider: expression("vars.GOOGLE_WORKLOAD_IDENTITY_PROVIDER"),
          service_account: expression("vars.GOOGLE_SERVICE_ACCOUNT"),
        },
      };
    default:
      return {
        name,
        uses: ACTIONS.loginToPulumi,
        with: {
          organization: stackOf(options).split("/")[0] ?? "",
          "requested-token-type": "urn:pulumi:token-type:access_token:organization",
          "cloud-url": options.backend,
        },
      };
  }
}

/** Environment of a step that runs the engine on the stack. */
export function engineEnvironment(options: WorkflowOptions): Values {
  return { GITHUB_TOKEN: expression("github.token"), PULUMI_BACKEND_URL: options.backend };
}

/**
 * One group per stack: whoever needs its state waits for whoever has it now, up to 100 of them, and nobody is cancelled.
 * @see https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
 */
export function stackGroup({ stack }: WorkflowOptions): Workflow["concurrency"] {
  return { group: `stack-${stack}`, "cancel-in-progress": false, queue: "max" };
}
