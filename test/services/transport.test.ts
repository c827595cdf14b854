import { expect, test } from "vitest";
import { detailOf, isLoopback } from "../../src/services/transport.ts";

test.each([
  ['{"message":"Not Found","documentation_url":"https://x"}', "Not Found"],
  [
    '{"message":"Validation Failed","errors":[{"code":"already_exists"},"text",{"message":"m"}]}',
    'Validation Failed; {"code":"already_exists"}; text; m',
  ],
  ['{"errors":[{"code":"DENIED","message":"denied"}]}', "denied"],
  ['{"other":1}', '{"other":1}'],
  ["<html><body>Bad\n gateway</body></html>", "Bad gateway"],
  ["", "(no explanation)"],
  ["x".repeat(1000), "x".repeat(300)],
])("what %j explains", (text, expected) => {
  expect(detailOf(text)).toBe(expected);
});

test.each([
  ["http://127.0.0.1:5000", true],
  ["http://127.1.2.3", true],
  ["http://localhost", true],
  ["http://[::1]:80", true],
  ["http://127.0.0.1.example", false],
  ["http://localhost.example", false],
  ["http://10.0.0.1", false],
])("%s is on the loopback interface: %s", (address, expected) => {
  expect(isLoopback(new URL(address))).toBe(expected);
});
