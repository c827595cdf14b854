import { pathToFileURL } from "node:url";
import * as pulumi from "@pulumi/pulumi";

// Prints what the state would carry as the provider of each resource of ours, by its type, and what that provider says
// when Pulumi evaluates it. Run by Node itself in the directory of a project: the test runner changes how modules load.
const texts: Record<string, string> = {};
const said: Record<string, unknown> = {};
const modules = {
  channel: "Channel",
  "github-release": "GithubRelease",
  guard: "Guard",
  ledger: "Ledger",
  manifest: "Manifest",
  "immutable-releases": "ImmutableReleases",
  "workflow-check": "WorkflowCheck",
  withdrawals: "Withdrawals",
};

pulumi.runtime.setMocks({
  call: () => ({}),
  newResource({ type, inputs }) {
    texts[type] = inputs.__provider;
    return { id: type, state: {} };
  },
});
for (const [module, name] of Object.entries(modules)) {
  const loaded = await import(pathToFileURL(`${process.cwd()}/src/resources/${module}.ts`).href);
  const resource: pulumi.CustomResource = new loaded[name](module, { image: "ghcr.io/octo/demo" }, {});
  await new Promise((resolve) => {
    resource.urn.apply(resolve);
  });
}
const here = { repository: "octo/demo", image: "ghcr.io/octo/demo" };
for (const [type, text] of Object.entries(texts)) {
  const evaluated: { handler?: () => pulumi.dynamic.ResourceProvider } = {};
  new Function("exports", text)(evaluated);
  const provider = evaluated.handler?.();
  said[type] = {
    functions: Object.keys(provider ?? {}).sort(),
    same: await provider?.diff?.("id", { ...here, tag: "v1" }, { ...here, tag: "v1" }),
    changed: await provider?.diff?.("id", { ...here, tag: "v1" }, { ...here, tag: "v2" }),
    deleted: (await provider?.delete?.("id", {})) ?? "nothing",
  };
}
process.stdout.write(JSON.stringify({ texts, said }));
