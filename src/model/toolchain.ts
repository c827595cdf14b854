/** How Go's toolchain is chosen for a module: one exact release, or whatever is installed. */
export type Toolchain = `go1.${string}` | "local";

/**
 * The toolchain that a go.mod pins: its `toolchain` line, or its `go` line where that is a whole version such as
 * `1.26.0`, whichever is higher. A `go` line such as `1.26` is a version of the language and pins nothing: `local`.
 *
 * @see https://go.dev/doc/toolchain#select
 */
export function toolchainOf(goMod: string): Toolchain {
  const go = /^go[ \t]+(\S+)/m.exec(goMod)?.[1] ?? "";
  const toolchain = /^toolchain[ \t]+go(\S+)/m.exec(goMod)?.[1] ?? "";
  const pinned = [toolchain, go].filter(isRelease);
  const highest = pinned.sort((left, right) => compareReleases(right, left))[0];
  return highest === undefined ? "local" : (`go${highest}` as Toolchain);
}

// Toolchains can be selected since Go 1.21.
function isRelease(version: string): boolean {
  const minor = /^1\.(\d+)(?:\.\d+|rc\d+|beta\d+)(?:-\S+)?$/.exec(version)?.[1];
  return minor !== undefined && Number(minor) >= 21;
}

function compareReleases(left: string, right: string): number {
  const [ours, theirs] = [partsOf(left), partsOf(right)];
  const index = ours.findIndex((part, position) => part !== theirs[position]);
  return index < 0 ? 0 : (ours[index] ?? 0) - (theirs[index] ?? 0);
}

// 1.27beta1 < 1.27rc1 < 1.27.0
function partsOf(version: string): [number, number, number] {
  const [, minor, kind, number] = /^1\.(\d+)(\.|rc|beta)(\d+)/.exec(version) ?? [];
  return [Number(minor), kind === "." ? 2 : kind === "rc" ? 1 : 0, Number(number)];
}
