import { parseTag, type Version } from "../model/version.ts";
import type { Page, SeenPage } from "../services/github.ts";

/** A page of a list of GitHub, and what it said of each version: as long as it is unchanged, it says the same. */
export interface ComparedPage<D> extends SeenPage {
  readonly found: Readonly<Record<Version, readonly D[]>>;
}

/**
 * What the pages of a list say; of one that is as it was seen, what it said then.
 *
 * @param compare what an entry says of its version; undefined when nothing is to be said of it
 */
export function compared<T extends { readonly tagName: string } | { readonly name: string }, D>(
  pages: readonly Page<T>[],
  seen: readonly ComparedPage<D>[] | undefined,
  compare: (entry: T, version: Version) => readonly D[] | undefined,
): ComparedPage<D>[] {
  return pages.map(({ entries, size, etag }, index) => {
    const known = seen?.[index];
    if (!entries && known) {
      return known;
    }
    const found = (entries ?? []).flatMap((entry) => {
      const version = parseTag("tagName" in entry ? entry.tagName : entry.name);
      const differences = version.ok ? compare(entry, version.version) : undefined;
      return version.ok && differences ? [[version.version, differences] as const] : [];
    });
    return { size, ...(etag === undefined ? {} : { etag }), found: Object.fromEntries(found) };
  });
}

/** All that the pages of a list say. */
export function foundIn<D>(pages: readonly ComparedPage<D>[]): ReadonlyMap<Version, readonly D[]> {
  return new Map(pages.flatMap(({ found }) => Object.entries(found)));
}
