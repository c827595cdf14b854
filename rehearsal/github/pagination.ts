import type { Call } from "./context.ts";

/** The slice of `items` that `page` and `per_page` (default 30, at most 100) ask for; sets the Link header. */
export function page<T>(call: Call, items: T[], links: { api: string }): T[] {
  const perPage = Math.min(positive(call.req.query("per_page"), 30), 100);
  const current = positive(call.req.query("page"), 1);
  const last = Math.max(1, Math.ceil(items.length / perPage));
  const header = linkHeader(`${links.api}${call.env.record.path}${call.env.record.query}`, current, last);
  if (header) call.header("Link", header);
  return items.slice((current - 1) * perPage, current * perPage);
}

/** https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api */
export function linkHeader(address: string, current: number, last: number): string {
  const relations: [string, number, boolean][] = [
    ["prev", Math.min(current - 1, last), current > 1],
    ["next", current + 1, current < last],
    ["last", last, current < last],
    ["first", 1, current > 1],
  ];
  return relations
    .filter(([, , present]) => present)
    .map(([relation, number]) => {
      const url = new URL(address);
      url.searchParams.set("page", String(number));
      return `<${url}>; rel="${relation}"`;
    })
    .join(", ");
}

function positive(text: string | undefined, fallback: number): number {
  const number = Number(text);
  return Number.isInteger(number) && number > 0 ? number : fallback;
}
