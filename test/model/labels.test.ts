import { describe, expect, test } from "vitest";
import { imageLabels, licenseOf } from "../../src/model/labels.ts";

const facts = {
  repository: "octo-example/mount-monitor",
  binaryName: "mount-monitor",
  version: "1.2.3",
  commit: "0123456789abcdef0123456789abcdef01234567",
  commitTime: "2026-03-01T12:00:00+02:00",
  licenses: "Apache-2.0",
};

describe("imageLabels", () => {
  test("has all labels, sorted, with the commit's time in UTC", () => {
    expect(Object.entries(imageLabels(facts))).toEqual([
      ["org.opencontainers.image.created", "2026-03-01T10:00:00Z"],
      ["org.opencontainers.image.description", "mount-monitor 1.2.3: one static Linux binary"],
      ["org.opencontainers.image.licenses", "Apache-2.0"],
      ["org.opencontainers.image.revision", "0123456789abcdef0123456789abcdef01234567"],
      ["org.opencontainers.image.source", "https://github.com/octo-example/mount-monitor"],
      ["org.opencontainers.image.title", "mount-monitor"],
      ["org.opencontainers.image.version", "1.2.3"],
    ]);
  });

  test("an unknown licence is left out", () => {
    expect(imageLabels({ ...facts, licenses: undefined })).not.toHaveProperty("org.opencontainers.image.licenses");
  });

  test("refuses a time that is none", () => {
    expect(() => imageLabels({ ...facts, commitTime: "yesterday" })).toThrow();
  });
});

describe("licenseOf", () => {
  test.each([
    [
      "Apache-2.0",
      "\n                                 Apache License\n                           Version 2.0, January 2004\n",
    ],
    [
      "MIT",
      "MIT License\n\nCopyright (c) 2026 Octo\n\nPermission is hereby granted, free of charge, to any person\nobtaining a copy of this software",
    ],
    [
      "BSD-3-Clause",
      "Redistributions in binary form must reproduce the above\n copyright notice\n 3. Neither the name of X may be used to endorse or promote products derived",
    ],
    ["BSD-2-Clause", "2. Redistributions in binary form must reproduce the above copyright notice, this list"],
    ["MPL-2.0", "Mozilla Public License Version 2.0\n=================================="],
    ["ISC", "Permission to use, copy, modify, and/or distribute this software for any\npurpose with or without fee"],
    ["GPL-3.0-only", "                    GNU GENERAL PUBLIC LICENSE\n                       Version 3, 29 June 2007"],
    ["GPL-2.0-only", "GNU GENERAL PUBLIC LICENSE\n Version 2, June 1991"],
    ["LGPL-3.0-only", "GNU LESSER GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007"],
    ["AGPL-3.0-only", "GNU AFFERO GENERAL PUBLIC LICENSE\n Version 3, 19 November 2007"],
    ["Unlicense", "This is free and unencumbered software released into the public domain."],
  ])("%s", (id, text) => {
    expect(licenseOf(text)).toBe(id);
  });

  test.each(["", "All rights reserved.", "Apache License Version 1.1", "MIT"])(
    "%j is no licence that is known",
    (text) => {
      expect(licenseOf(text)).toBeUndefined();
    },
  );
});
