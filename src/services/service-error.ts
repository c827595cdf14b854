import { visible } from "../model/quotation.ts";

/** What is known about a call that failed. */
export interface Failure {
  /** `GitHub`, or `registry ghcr.io`. */
  readonly service: string;
  /** HTTP status, when there was an answer. */
  readonly status?: number;
  /** Whether trying again may help. */
  readonly transient?: boolean;
  /** Whether the service may have carried the call out although no good answer arrived. */
  readonly mayBeApplied?: boolean;
  /** Seconds that the service asks to wait. */
  readonly waitSeconds?: number;
  /** Headers of the answer. */
  readonly headers?: Headers;
  /** Body of the answer, as text. */
  readonly text?: string;
  readonly cause?: unknown;
}

/** A call to GitHub or to a registry that failed. Its message names the service, the request and the fix, and no secret. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  readonly service: string;
  readonly status: number | undefined;
  readonly transient: boolean;
  readonly mayBeApplied: boolean;
  readonly waitSeconds: number | undefined;
  readonly headers: Headers | undefined;
  readonly text: string;

  constructor(message: string, failure: Failure) {
    super(visible(message), failure.cause === undefined ? undefined : { cause: failure.cause });
    this.service = failure.service;
    this.status = failure.status;
    this.transient = failure.transient ?? false;
    this.mayBeApplied = failure.mayBeApplied ?? false;
    this.waitSeconds = failure.waitSeconds;
    this.headers = failure.headers;
    this.text = failure.text ?? "";
    // Headers and bodies are for the code that handles the error: a printed error shall not carry them.
    for (const key of ["headers", "text"]) {
      Object.defineProperty(this, key, { enumerable: false });
    }
  }

  /** The same failure, final, with another message. */
  saying(message: string): ServiceError {
    const { service, status, mayBeApplied, headers, text } = this;
    return new ServiceError(message, {
      service,
      mayBeApplied,
      text,
      ...(status === undefined ? {} : { status }),
      ...(headers === undefined ? {} : { headers }),
    });
  }
}
