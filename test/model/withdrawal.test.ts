import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatMarker, parseMarker } from "../../src/model/marker.ts";
import {
  isMarked,
  markOf,
  markWithdrawn,
  type Page,
  unmarkWithdrawn,
  type Withdrawals,
  withdrawalProblems,
} from "../../src/model/withdrawal.ts";
import { anyVersion, hexadecimal } from "./arbitrary.ts";

const anyText = fc.string({ unit: "binary" });
const anyPage: fc.Arbitrary<Page> = fc.record({
  title: anyText,
  body: fc.oneof(
    anyText,
    fc.constantFrom("", "\n\nnotes", "\r\n", "<!-- a --> b", "$& $1 $`", "<!-- /mount-monitor:withdrawn -->\n"),
  ),
});

describe("a mark", () => {
  test("is a prefix of the title and a note before the notes", () => {
    expect(markWithdrawn({ title: "v1.2.0", body: "## Fixes\n" }, "1.2.0", "prod")).toEqual({
      title: "[withdrawn] v1.2.0",
      body:
        '<!-- mount-monitor:withdrawn {"stack":"prod","title":"v1.2.0"} -->\n' +
        "> [!WARNING]\n> Version 1.2.0 is withdrawn: do not use it any more. Its files and its image can still be downloaded.\n" +
        "<!-- /mount-monitor:withdrawn -->\n\n## Fixes\n",
    });
  });

  test("names the version where GitHub shows the tag for want of a title", () => {
    const marked = markWithdrawn({ title: "", body: "" }, "1.2.0", "prod");
    expect(marked.title).toBe("[withdrawn] v1.2.0");
    expect(unmarkWithdrawn(marked, "1.2.0")).toEqual({ title: "", body: "" });
  });

  test("comes off byte by byte, whatever title, notes and stack are", () => {
    fc.assert(
      fc.property(anyPage, anyVersion, anyText, (page, version, stack) => {
        const marked = markWithdrawn(page, version, stack);
        expect(isMarked(marked)).toBe(true);
        expect(markOf(marked.body)).toEqual({ stack, title: page.title });
        expect(unmarkWithdrawn(marked, version)).toEqual(page);
      }),
    );
  });

  test("made twice is made once, and taken off twice is taken off once", () => {
    fc.assert(
      fc.property(anyPage, anyVersion, (page, version) => {
        const marked = markWithdrawn(page, version, "prod");
        expect(markWithdrawn(marked, version, "prod")).toEqual(marked);
        const unmarked = unmarkWithdrawn(marked, version);
        expect(unmarkWithdrawn(unmarked, version)).toEqual(page);
      }),
    );
  });

  test("leaves the hidden marker of the release readable", () => {
    fc.assert(
      fc.property(fc.lorem(), anyVersion, hexadecimal(40), anyText, (notes, version, commit, stack) => {
        const marker = { stack, version, commit };
        const marked = markWithdrawn({ title: "t", body: `${notes}\n${formatMarker(marker)}\n` }, version, stack);
        expect(parseMarker(marked.body)).toEqual(marker);
      }),
    );
  });

  test("comes off after GitHub's editor changed the line ends, and what somebody wrote stays", () => {
    const { title, body } = markWithdrawn({ title: "v1.2.0", body: "notes\n" }, "1.2.0", "prod");
    expect(unmarkWithdrawn({ title, body: body.replaceAll("\n", "\r\n") }, "1.2.0").body).toBe("notes\r\n");
    expect(unmarkWithdrawn({ title: `${title} (it eats data)`, body: `See #7.\n${body}` }, "1.2.0")).toEqual({
      title: "v1.2.0 (it eats data)",
      body: "See #7.\nnotes\n",
    });
    expect(unmarkWithdrawn({ title: "mine", body }, "1.2.0")).toEqual({ title: "mine", body: "notes\n" });
  });

  test("that lost one of its two parts gets it again, and comes off whole", () => {
    const page = { title: "v1.2.0", body: "notes" };
    const marked = markWithdrawn(page, "1.2.0", "prod");
    for (const broken of [
      { ...marked, title: page.title },
      { ...marked, body: page.body },
    ]) {
      expect(isMarked(broken)).toBe(false);
      expect(markWithdrawn(broken, "1.2.0", "prod")).toEqual(marked);
    }
  });

  test.each([
    ["nothing", ""],
    ["an end without a beginning", "<!-- /mount-monitor:withdrawn -->"],
    ["a beginning without an end", '<!-- mount-monitor:withdrawn {"stack":"prod","title":"t"} -->\n'],
    ["garbled JSON", '<!-- mount-monitor:withdrawn {"stack" -->\n<!-- /mount-monitor:withdrawn -->'],
    ["no facts", "<!-- mount-monitor:withdrawn null -->\n<!-- /mount-monitor:withdrawn -->"],
    ["other facts", '<!-- mount-monitor:withdrawn {"stack":1,"title":"t"} -->\n<!-- /mount-monitor:withdrawn -->'],
  ])("is none that is %s", (_name, body) => {
    expect(markOf(body)).toBeUndefined();
    expect(unmarkWithdrawn({ title: "t", body }, "1.2.0")).toEqual({ title: "t", body });
  });
});

describe("withdrawals are refused", () => {
  const asked: Withdrawals = {
    withdrawn: ["1.1.0"],
    published: ["1.0.0", "1.1.0"],
    releasing: undefined,
    hasReleased: true,
    marked: [],
    pushedTag: undefined,
  };

  test.each<[string, Partial<Withdrawals>]>([
    ["published ones are withdrawn", {}],
    ["all of them are", { withdrawn: ["1.1.0", "1.0.0"] }],
    ["an update without a tag brings one back", { withdrawn: [], marked: ["1.1.0"] }],
    ["a tag releases, and the list is as it was", { marked: ["1.1.0"], releasing: "1.1.1", pushedTag: "v1.1.1" }],
    ["the first release stands beside another tool's that is withdrawn", { hasReleased: false, releasing: "2.0.0" }],
    ["there is nothing", { withdrawn: [], published: [], hasReleased: false }],
  ])("never when %s", (_name, change) => {
    expect(withdrawalProblems({ ...asked, ...change })).toEqual([]);
  });

  test("all at once, each with the command that mends it", () => {
    expect(
      withdrawalProblems({
        ...asked,
        withdrawn: ["1.1.0", "1.2.0", "1.3.0"],
        releasing: "1.2.0",
        marked: ["1.0.0", "1.1.0"],
        pushedTag: "v1.2.0",
      }),
    ).toEqual([
      `mount-monitor:withdrawn names "1.2.0", and this update releases it: release it first, or release the next version. Run: pulumi config rm --path 'mount-monitor:withdrawn[1]'`,
      `mount-monitor:withdrawn names "1.3.0", and v1.3.0 is not published: only a published version is withdrawn. Run: pulumi config rm --path 'mount-monitor:withdrawn[2]'`,
      `mount-monitor:withdrawn does not name "1.0.0", which is withdrawn now, and the pushed tag "v1.2.0" is no decision to bring it back. ` +
        `Run: pulumi config set --path 'mount-monitor:withdrawn[3]' 1.0.0, or bring it back first, by an update without a tag`,
    ]);
  });

  test("when the stack has no channels", () => {
    expect(withdrawalProblems({ ...asked, hasReleased: false })).toEqual([
      `mount-monitor:withdrawn names "1.1.0", and this stack has released nothing: it has no channels that could move. Run: pulumi config rm --path 'mount-monitor:withdrawn[0]'`,
    ]);
  });
});
