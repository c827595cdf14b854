import { type Patience, requestedWait, withRetries } from "../retry.ts";
import { ServiceError } from "../service-error.ts";
import { type Answer, contentOf, detailOf, isIdempotent, type Transport, withoutQuery } from "../transport.ts";

/**
 * A transport that does not give up at once: a broken connection, a time-out, 429 and 5xx are tried again (see
 * `retry.ts`), the reading included; every other status reaches `read`.
 */
export function persistent(
  transport: Transport,
  service: string,
  patience: Patience = {},
  report?: (line: string) => void,
): Transport {
  return {
    exchange: (request, read) =>
      withRetries(
        () =>
          transport.exchange(request, async (answer) =>
            read(await refuseFaults(service, `${request.method} ${withoutQuery(new URL(request.url))}`, answer)),
          ),
        isIdempotent(request),
        patience,
        report,
      ),
  };
}

/** Lets good answers and final refusals pass, and throws what may pass by itself. */
async function refuseFaults(service: string, name: string, answer: Answer): Promise<Answer> {
  const { status, headers } = answer;
  if (status !== 403 && status !== 408 && status !== 429 && status < 500) {
    return answer;
  }
  const content = await contentOf(answer);
  const text = content.toString("utf8");
  const waitSeconds = requestedWait(status, headers, text, Date.now());
  if (status === 403 && waitSeconds === undefined) {
    return {
      status,
      headers,
      body: (async function* () {
        yield content;
      })(),
    };
  }
  throw new ServiceError(`${service} answered ${status} to ${name}: ${detailOf(text)}`, {
    service,
    status,
    transient: true,
    mayBeApplied: status >= 500,
    headers,
    text,
    ...(waitSeconds === undefined ? {} : { waitSeconds }),
  });
}
