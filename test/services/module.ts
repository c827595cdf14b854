import type { Content } from "./repository.ts";

/** A Go module that compiles quickly: it prints its version. */
export const tinyModule = {
  "go.mod": "module example.com/tiny\n\ngo 1.26\n",
  "cmd/tiny/main.go": [
    "package main",
    "",
    'import "syscall"',
    "",
    'var Version = "dev"',
    "",
    "func main() {",
    '\tsyscall.Write(1, []byte(Version + "\\n"))',
    "}",
    "",
  ].join("\n"),
  "cmd/tiny/main_test.go": [
    "package main",
    "",
    'import "testing"',
    "",
    "func TestVersion(t *testing.T) {",
    '\tif Version != "dev" {',
    '\t\tt.Error("Version is", Version)',
    "\t}",
    "}",
    "",
  ].join("\n"),
} as const satisfies Readonly<Record<string, Content>>;

/** The same module in a directory of its repository. */
export function moduleIn(
  prefix: string,
  files: Readonly<Record<string, Content>> = tinyModule,
): Record<string, Content> {
  return Object.fromEntries(Object.entries(files).map(([name, content]) => [`${prefix}/${name}`, content]));
}
