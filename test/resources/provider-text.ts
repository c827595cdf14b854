import { pathToFileURL } from "node:url";
import * as pulumi from "@pulumi/pulumi";

// Prints what the state would carry as the provider of each resource of ours, by its type. Run by Node itself, in the
// directory of a project: the test runner changes the text of functions.
const providers: Record<string, string> = {};
const modules = {
  channel: "Channel",
  "github-release": "GithubRelease",
  guard: "Guard",
  ledger: "Ledger",
  manifest: "Manifest",
};

pulumi.runtime.setMocks({
  call: () => ({}),
  newResource({ type, inputs }) {
    providers[type] = inputs.__provider;
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
process.stdout.write(JSON.stringify(providers));
