import * as pulumi from "@pulumi/pulumi";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks.js";
import { onTestFinished, vi } from "vitest";
import { STACK } from "../resources/services.ts";

/** A resource as the program registered it. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
  /** Name of the parent; empty at the top. */
  readonly parent: string;
  /** Names of what must be there before, those that an input comes from included. */
  readonly dependsOn: readonly string[];
  readonly ignoreChanges: readonly string[];
  readonly retainOnDelete: boolean;
  /** Another value has the resource replaced; absent where there is none. */
  readonly replacementTrigger?: unknown;
  /** Id of what is there already, and taken over; absent where nothing is. */
  readonly import?: string;
  /** Names of the hooks before a create and an update; absent where there are none. */
  readonly before?: Readonly<Record<"create" | "update", readonly string[]>>;
}

/** What is read of a request to register a resource. */
interface Request {
  getType(): string;
  getName(): string;
  getParent(): string;
  getDependenciesList(): string[];
  getIgnorechangesList(): string[];
  getRetainondelete(): boolean | undefined;
  getImportid(): string;
  getReplacementTrigger(): { toJavaScript(): unknown } | undefined;
  getHooks(): { getBeforeCreateList(): string[]; getBeforeUpdateList(): string[] } | undefined;
}

/** The engine as a test sees it. */
export interface Engine {
  /** All resources that the program registered, once it has nothing more to register; by name. */
  resources(): Promise<Record<string, Registered>>;
}

const register = MockMonitor.prototype.registerResource;

/**
 * Pulumi's mocks in the place of the engine: every resource is recorded with its options.
 *
 * @param outputs what a resource has besides its inputs
 */
export async function engine(
  outputs: (type: string, name: string) => Record<string, unknown> = () => ({}),
  { preview = false } = {},
): Promise<Engine> {
  const registered: Record<string, Registered> = {};
  const inputsOf = new Map<string, Record<string, unknown>>();
  await pulumi.runtime.setMocks(
    {
      // What a stack without resources has recorded.
      call: () => ({ outputs: {} }),
      newResource({ type, name, inputs }) {
        // The provider's text is tested with the resources.
        const { __provider, ...plain } = inputs;
        inputsOf.set(name, plain);
        return { id: `${name}-id`, state: { ...plain, ...outputs(type, name) } };
      },
    },
    "mount-monitor",
    STACK,
    preview,
  );
  // The mocks take hooks, and leave out the call that registers them.
  Object.assign(MockMonitor.prototype, {
    registerResourceHook: (_: unknown, callback: (error: null, answer: object) => void) => callback(null, {}),
  });
  const spy = vi.spyOn(MockMonitor.prototype, "registerResource");
  onTestFinished(() => spy.mockRestore());
  spy.mockImplementation(async function (this: MockMonitor, message: Request, callback) {
    await register.call(this, message, callback);
    const name = message.getName();
    registered[name] = {
      type: message.getType(),
      name,
      inputs: inputsOf.get(name) ?? {},
      parent: nameOf(message.getParent()),
      dependsOn: message.getDependenciesList().map(nameOf).sort(),
      ignoreChanges: message.getIgnorechangesList(),
      retainOnDelete: message.getRetainondelete() ?? false,
      ...(message.getReplacementTrigger()
        ? { replacementTrigger: message.getReplacementTrigger()?.toJavaScript() }
        : {}),
      ...(message.getImportid() ? { import: message.getImportid() } : {}),
      ...before(message.getHooks()),
    };
  });
  return {
    async resources() {
      await pulumi.runtime.disconnect();
      return registered;
    },
  };
}

/** The value of an output, once everything that it depends on is there. @throws what went wrong on the way to it */
export function settled<T>(output: pulumi.Output<T>): Promise<T> {
  const promise: unknown = Reflect.get(output, "promise");
  return typeof promise === "function" ? promise.call(output) : Promise.reject(new Error("an output has no promise"));
}

/** A secret as an input holds it; Pulumi's own signature of one. */
export function secret(value: unknown): object {
  return { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", value };
}

function before(hooks: ReturnType<Request["getHooks"]>): Pick<Registered, "before"> {
  const [create, update] = [hooks?.getBeforeCreateList() ?? [], hooks?.getBeforeUpdateList() ?? []];
  return create.length + update.length === 0 ? {} : { before: { create, update } };
}

function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? "";
}
