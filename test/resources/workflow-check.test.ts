import { beforeEach, expect, test } from "vitest";
import { blobOf } from "../../src/model/blob.ts";
import { implementation } from "../../src/resources/workflow-check.ts";
import { startTestGitHub, type TestGitHub } from "./services.ts";

const [RELEASE, DRIFT] = [".github/workflows/release.yml", ".github/workflows/drift.yml"] as const;

let github: TestGitHub;
const ensure = () =>
  implementation.ensure(
    { repository: github.repository, blobs: { [RELEASE]: blobOf("on: push\n"), [DRIFT]: blobOf("on: schedule\n") } },
    undefined,
  );

beforeEach(async () => {
  github = await startTestGitHub();
  github.inspect.writeFile(github.repository, RELEASE, "on: push\n");
  github.inspect.writeFile(github.repository, DRIFT, "on: schedule\n");
});

test("is content with the declared workflows, whatever else is there", async () => {
  github.inspect.writeFile(github.repository, ".github/workflows/own.yml", "on: push\n");
  github.inspect.writeFile(github.repository, ".github/workflows/more/own.yml", "on: push\n");
  expect(await ensure()).toEqual({ pending: {} });
  expect(github.requests()).toEqual(["GET /contents/.github%2Fworkflows"]);
});

test("names every workflow that was edited or removed, and what to do", async () => {
  github.inspect.writeFile(github.repository, RELEASE, "on: pull_request_target\n");
  github.inspect.writeFile(github.repository, DRIFT, undefined);
  await expect(ensure()).rejects.toThrow(
    `somebody else changed workflows of ${github.repository}, and this update left them as they are: ` +
      `${RELEASE} is ${blobOf("on: pull_request_target\n")}, declared is ${blobOf("on: push\n")}; ` +
      `${DRIFT} is missing, declared is ${blobOf("on: schedule\n")}. pulumi refresh shows the edit`,
  );
});

test("finds that a whole directory is gone", async () => {
  github.inspect.writeFile(github.repository, RELEASE, undefined);
  github.inspect.writeFile(github.repository, DRIFT, undefined);
  await expect(ensure()).rejects.toThrow(`${RELEASE} is missing`);
});
