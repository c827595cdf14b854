import { expect, test } from "vitest";
import { parse } from "yaml";
import { withoutSecrets } from "../../src/model/plain-configuration.ts";

test("what is encrypted is left out, wherever it stands, and the registry's user with the password", () => {
  const settings = parse(`
encryptionsalt: v1:x
config:
  mount-monitor:repository: octo/app
  mount-monitor:githubToken: { secure: AAAB }
  mount-monitor:secrets: { TOKEN: { secure: AAAC } }
  mount-monitor:variables: { COLOR: blue }
  mount-monitor:architectures: [amd64, arm64]
  mount-monitor:registryUser: octo
  mount-monitor:registryPassword: { secure: AAAD }
`);
  expect(withoutSecrets(settings)).toEqual({
    "mount-monitor:repository": "octo/app",
    "mount-monitor:variables": { COLOR: "blue" },
    "mount-monitor:architectures": ["amd64", "arm64"],
  });
});

test.each([[undefined], [null], ["text"], [{ config: [] }], [{}]])("%j has no settings", (settings) => {
  expect(withoutSecrets(settings)).toEqual({});
});
