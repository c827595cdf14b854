/** One entry of the `errors` list in a 422 answer. */
export interface ValidationProblem {
  resource: string;
  code: "missing_field" | "invalid" | "already_exists" | "unprocessable" | "custom";
  field?: string;
  message?: string;
}

/** An answer other than success, as GitHub words it. https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api */
export class GitHubError extends Error {
  readonly status: number;
  readonly errors: ValidationProblem[] | undefined;

  constructor(status: number, message: string, errors?: ValidationProblem[], options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.errors = errors;
  }

  body(): Record<string, unknown> {
    return {
      message: this.message,
      ...(this.errors && { errors: this.errors }),
      documentation_url: "https://docs.github.com/rest",
      status: String(this.status),
    };
  }
}

export function notFound(): GitHubError {
  return new GitHubError(404, "Not Found");
}

export function conflict(message: string): GitHubError {
  return new GitHubError(409, message);
}

export function unprocessable(message: string): GitHubError {
  return new GitHubError(422, message);
}

export function validationFailed(...errors: ValidationProblem[]): GitHubError {
  return new GitHubError(422, "Validation Failed", errors);
}

/** The answer to a write that a rule of the repository forbids. */
export function ruleViolation(what: string): GitHubError {
  return new GitHubError(422, `Repository rule violations found\n\n${what}\n\n`);
}
