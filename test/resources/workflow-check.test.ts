import { beforeEach, describe, expect, test } from "vitest";
import { blobOf } from "../../src/model/blob.ts";
import { githubOf } from "../../src/resources/clients.ts";
import { beforeWrite, implementation } from "../../src/resources/workflow-check.ts";
import { engine } from "../components/engine.ts";
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
  expect(await ensure()).toEqual({});
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

describe("before a workflow is written over", () => {
  const written = blobOf("on: push\n");
  const look = async (content: string) => {
    await engine();
    return beforeWrite("workflow", github.repository, githubOf(github.repository)).callback({
      urn: "",
      id: "",
      name: "",
      type: "",
      newInputs: { content },
      oldOutputs: { file: RELEASE, sha: written },
    });
  };

  test("goes on when it is what the stack wrote last", async () => {
    await look("on: release\n");
    expect(github.requests()).toEqual(["GET /contents/.github%2Fworkflows"]);
  });

  test.each([
    ["an edit", "on: pull_request_target\n", blobOf("on: pull_request_target\n")],
    ["that it is gone", undefined, "missing"],
  ])("names %s, and what to do", async (_, text, found) => {
    github.inspect.writeFile(github.repository, RELEASE, text);
    await expect(look("on: release\n")).rejects.toThrow(
      `somebody else changed workflows of ${github.repository}, and this update left them as they are: ` +
        `${RELEASE} is ${found}, the stack wrote ${written}. pulumi refresh shows the edit`,
    );
  });

  test("names a write of its own whose reply was lost", async () => {
    github.inspect.writeFile(github.repository, RELEASE, "on: release\n");
    await expect(look("on: release\n")).rejects.toThrow(
      `${RELEASE} of ${github.repository} is written already, and the stack does not know: the reply to its write was lost. ` +
        "npm run recover reads it again; then pulumi up",
    );
  });
});
