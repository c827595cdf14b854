import type { Version } from "./version.ts";

/** What the labels of an image are made of. */
export interface LabelFacts {
  /** `owner/name` on GitHub. */
  readonly repository: string;
  readonly binaryName: string;
  readonly version: Version;
  /** Full commit id. */
  readonly commit: string;
  /** Time of the commit, RFC 3339 in any zone. */
  readonly commitTime: string;
  /** SPDX identifier; the label is left out when it is not known. */
  readonly licenses?: string | undefined;
}

/**
 * The labels of the image, in a fixed order. They say nothing about where or when it was built.
 * @see https://github.com/opencontainers/image-spec/blob/main/annotations.md
 */
export function imageLabels(facts: LabelFacts): Readonly<Record<string, string>> {
  const { repository, binaryName, version, commit, commitTime, licenses } = facts;
  const label = (name: string) => `org.opencontainers.image.${name}`;
  return {
    [label("created")]: new Date(commitTime).toISOString().replace(".000Z", "Z"),
    [label("description")]: `${binaryName} ${version}: one static Linux binary`,
    ...(licenses === undefined ? {} : { [label("licenses")]: licenses }),
    [label("revision")]: commit,
    [label("source")]: `https://github.com/${repository}`,
    [label("title")]: binaryName,
    [label("version")]: version,
  };
}

// What every copy of a licence says, and no copy of another one; the first match counts.
// https://spdx.org/licenses/
const LICENSES = [
  ["Apache-2.0", "Apache License Version 2.0"],
  ["MPL-2.0", "Mozilla Public License Version 2.0"],
  ["AGPL-3.0", "GNU AFFERO GENERAL PUBLIC LICENSE Version 3"],
  ["LGPL-3.0", "GNU LESSER GENERAL PUBLIC LICENSE Version 3"],
  ["GPL-3.0", "GNU GENERAL PUBLIC LICENSE Version 3"],
  ["GPL-2.0", "GNU GENERAL PUBLIC LICENSE Version 2"],
  ["BSD-3-Clause", "may be used to endorse or promote products"],
  ["BSD-2-Clause", "Redistributions in binary form must reproduce the above copyright notice"],
  ["ISC", "Permission to use, copy, modify, and/or distribute this software for any purpose"],
  ["MIT", "Permission is hereby granted, free of charge, to any person obtaining a copy"],
  ["Unlicense", "This is free and unencumbered software released into the public domain"],
] as const;

/**
 * SPDX identifier of a licence by its text; absent when it is none that is well known. The GNU licences are given
 * as `-only`, because their text does not say whether a later version may be chosen.
 */
export function licenseOf(text: string): string | undefined {
  const words = normalized(text);
  const id = LICENSES.find(([, phrase]) => words.includes(normalized(phrase)))?.[0];
  return id?.includes("GPL") ? `${id}-only` : id;
}

function normalized(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, " ")
    .trim();
}
