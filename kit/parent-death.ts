import { executablesOnPath } from "./search-path.ts";

/**
 * A command line that ends with the process that starts it, however that one ends: on Linux the kernel sees to it, when
 * util-linux's setpriv(1) can ask for that. The process keeps its id, because setpriv becomes it. Elsewhere unchanged.
 */
export function endingWithParent(command: readonly [string, ...string[]]): readonly [string, ...string[]] {
  const [setpriv] = process.platform === "linux" ? executablesOnPath("setpriv") : [];
  return setpriv === undefined ? command : [setpriv, "--pdeathsig", "TERM", "--", ...command];
}
