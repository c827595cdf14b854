import { execa } from "execa";

/** How a process is started. */
export interface ProcessOptions {
  /** Working directory. Default: this process's own. */
  readonly directory?: string;
  /** The whole environment. Default: this process's own; when given, nothing is inherited. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Standard input. Default: none. */
  readonly input?: string | Uint8Array;
  /** Ends the process when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that it may take. Default: no limit. */
  readonly timeoutMs?: number;
  /** Bytes of output that are kept; more is an error. Default 64 MiB. */
  readonly maximumOutput?: number;
}

/** A process that has ended. */
export interface ProcessResult {
  /** 0 is success. */
  readonly exitCode: number;
  readonly stdout: Uint8Array;
  /** Standard error as text. */
  readonly stderr: string;
}

/** A process that could not be started or did not end by itself. */
export class ProcessError extends Error {
  override readonly name = "ProcessError";
  /** Whether the program is not on the PATH. */
  readonly notFound: boolean;

  constructor(message: string, notFound: boolean) {
    super(message);
    this.notFound = notFound;
  }
}

/**
 * Runs a program to its end, whatever its exit code. Arguments are passed as they are: there is no shell.
 *
 * @throws ProcessError when it cannot be started, is ended by a signal, takes too long or prints too much
 */
export async function run(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<ProcessResult> {
  const { maximumOutput = 64 * 2 ** 20 } = options;
  const result = await execa(command, args, {
    ...common(options),
    ...(options.input === undefined ? { stdin: "ignore" } : { input: options.input }),
    encoding: "buffer",
    maxBuffer: maximumOutput,
  });
  if (result.isMaxBuffer) {
    throw new ProcessError(`${command} ${args[0] ?? ""} printed more than ${maximumOutput} bytes`, false);
  }
  const stderr = new TextDecoder().decode(result.stderr);
  return { exitCode: ended(command, args, result, options, stderr), stdout: result.stdout, stderr };
}

/**
 * Runs a program whose standard output is used while it comes; standard error goes to ours.
 *
 * @param use reads the output to its end; when it throws, the program is ended
 * @returns its exit code, and what `use` returned
 * @throws ProcessError like {@link run}
 */
export async function stream<T>(
  command: string,
  args: readonly string[],
  use: (output: AsyncIterable<Uint8Array>) => Promise<T>,
  options: ProcessOptions = {},
): Promise<{ readonly exitCode: number; readonly value: T }> {
  const child = execa(command, args, {
    ...common(options),
    ...(options.input === undefined ? { stdin: "ignore" } : { input: options.input }),
    stderr: "inherit",
    buffer: false,
    encoding: "buffer",
  });
  const [value, result] = await Promise.all([
    use(child.stdout).catch((error: unknown) => {
      child.kill();
      throw error;
    }),
    child,
  ]);
  return { exitCode: ended(command, args, result, options, ""), value };
}

function common({ directory, environment, signal, timeoutMs }: ProcessOptions) {
  return {
    reject: false,
    stripFinalNewline: false,
    ...(directory === undefined ? {} : { cwd: directory }),
    ...(environment === undefined ? {} : { env: environment, extendEnv: false }),
    ...(signal === undefined ? {} : { cancelSignal: signal }),
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
  } as const;
}

interface Ending {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly code?: string | undefined;
  readonly timedOut: boolean;
  readonly isCanceled: boolean;
  readonly shortMessage?: string | undefined;
}

function ended(
  command: string,
  args: readonly string[],
  { exitCode, signal, code, timedOut, isCanceled, shortMessage }: Ending,
  { timeoutMs }: ProcessOptions,
  stderr: string,
): number {
  const what = [command, ...args.slice(0, 1)].join(" ");
  if (isCanceled) {
    throw new ProcessError(`${what} was cancelled`, false);
  }
  if (timedOut) {
    throw new ProcessError(`${what} did not end within ${timeoutMs} ms`, false);
  }
  if (exitCode !== undefined) {
    return exitCode;
  }
  if (signal !== undefined) {
    throw new ProcessError(`${what} was ended by ${signal}${stderr && `:\n${stderr.trimEnd()}`}`, false);
  }
  // A missing working directory is reported with the same code as a missing program.
  throw new ProcessError(shortMessage ?? `${what} could not be started`, code === "ENOENT");
}
