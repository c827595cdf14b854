import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";
import { reached } from "../src/refusal.ts";

test("an output is waited for, be it a value or none", async () => {
  await reached(pulumi.output("value"));
  await reached(pulumi.output(undefined));
});

test("what an output was refused with is thrown as it is", async () => {
  const refusal = new pulumi.RunError("version 1.0.0 is written once");
  const refused = pulumi.output("value").apply(async () => Promise.reject(refusal));
  await expect(reached(refused)).rejects.toBe(refusal);
});
