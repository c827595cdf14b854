import { describe, expect, test } from "vitest";
import { templateOf, validateResponse } from "./schema.ts";

describe("validateResponse", () => {
  const ref = {
    ref: "refs/tags/v1",
    node_id: "x",
    url: "http://127.0.0.1/x",
    object: { type: "commit", sha: "1".repeat(40), url: "http://127.0.0.1/y" },
  };
  const route = "/repos/o/r/git/ref/tags/v1";

  test("accepts what GitHub describes, by path and by template", () => {
    validateResponse("GET", route, 200, ref);
    validateResponse("GET", "/repos/{owner}/{repo}/git/ref/{ref}", 200, ref);
    validateResponse("DELETE", "/repos/o/r/git/refs/tags/v1", 204, undefined);
    validateResponse("GET", route, 304, undefined);
    validateResponse("GET", route, 404, { message: "Not Found", documentation_url: "https://docs.github.com/rest" });
  });

  test.each([
    ["a missing field", "GET", route, 200, { ...ref, object: undefined }, "must have required property 'object'"],
    ["a wrong type", "GET", route, 200, { ...ref, ref: 1 }, "/ref must be string"],
    ["a wrong format", "GET", route, 200, { ...ref, url: "no address" }, "/url must match format"],
    ["a missing body", "GET", route, 200, undefined, "must be object"],
    ["a body too many", "DELETE", "/repos/o/r/git/refs/tags/v1", 204, {}, "without a body"],
    ["an undocumented status", "GET", route, 203, ref, "documents no status 203"],
    ["an undocumented route", "GET", "/repos/o/r/nothing", 200, {}, "documents no GET /repos/o/r/nothing"],
    ["an error without a message", "GET", route, 404, {}, "must have required property 'message'"],
  ])("refuses %s", (_title, method, path, status, body, message) => {
    expect(() => validateResponse(method, path, status, body)).toThrow(message);
  });
});

test.each([
  ["/repos/o/r/releases/latest", "/repos/{owner}/{repo}/releases/latest"],
  ["/repos/o/r/releases/12", "/repos/{owner}/{repo}/releases/{release_id}"],
  ["/repos/o/r/contents/a/b.yml", "/repos/{owner}/{repo}/contents/{path}"],
])("templateOf %s", (path, template) => {
  expect(templateOf("GET", path)).toBe(template);
});
