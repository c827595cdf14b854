import { join } from "node:path";
import { execa } from "execa";

const node = join(import.meta.dirname, "../../node_modules/.bin/node");

/** What an operation is told besides its name; never by arguments, which everybody on the machine can read. */
export interface Order {
  /** Stack settings, by key; lists and maps as JSON. Those of the operation before are forgotten. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly version?: string;
  /** Patterns of what the update leaves out. */
  readonly exclude?: readonly string[];
  /** Token of a job that may push, but not administer; in the place of the administrator's. */
  readonly job?: string;
  /** The engine and its plugins log all that they can; one level more, and the engine itself prints every value. */
  readonly logs?: boolean;
  /** Resource that the stack is to forget, with everything that depends on it. */
  readonly urn?: string;
  /** Environment besides the test's own. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Operations of the engine on the rehearsal's stack. */
export type Operation = "refresh" | "preview" | "up" | "destroy" | "export" | "forget";

/** What an operation said, on both outputs, and whether it ended well. */
export interface Said {
  readonly ok: boolean;
  readonly said: string;
}

/** Runs one operation in a clone, with the services up for that time. */
export async function operate(path: string, operation: Operation, order: Order = {}): Promise<Said> {
  const { exitCode, all } = await execa(node, ["test/e2e/operate.ts", operation], {
    cwd: path,
    env: order.environment ?? {},
    input: JSON.stringify(order),
    all: true,
    reject: false,
    maxBuffer: 1e9,
  });
  return { ok: exitCode === 0, said: all };
}
