// What a service's metrics (OpenMetrics text) come to, between two looks at them. Pure.

/** Sums of a service since it was started; those of its probes are left out. */
export interface Sample {
  /** When it was taken, in milliseconds. */
  at: number;
  requests: number;
  /** Orders that were executed. */
  orders: number;
  /** Answers that say that the service failed. */
  failures: number;
  /** Requests answered within so many seconds, by that bound. */
  within: Map<number, number>;
}

export interface Rates {
  requests: number;
  orders: number;
  failures: number;
  /** Seconds within which 99 of 100 requests were answered; null without any. */
  p99: number | null;
}

const WATCHING = new Set(["/health", "/livez", "/readyz", "/metrics", "/operations", "/stream"]);
const ORDERS = new Set(["/trades/buy", "/trades/sell"]);
// A route has braces in its label.
const LINE = /^([a-z_]+)\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\} (\S+)/;
const LABEL = /([a-z_]+)="((?:[^"\\]|\\.)*)"/g;

export function sample(metrics: string, at: number): Sample {
  const sums: Sample = { at, requests: 0, orders: 0, failures: 0, within: new Map() };
  for (const line of metrics.split("\n")) {
    const [, name, labels, digits] = LINE.exec(line) ?? [];
    if (name === undefined || labels === undefined) continue;
    const label = Object.fromEntries([...labels.matchAll(LABEL)].map(([, key, value]) => [key, value]));
    const [route, value] = [label["route"] ?? "", Number(digits)];
    if (WATCHING.has(route)) continue;
    if (name === "http_requests_total") {
      sums.requests += value;
      if (label["status"]?.startsWith("5")) sums.failures += value;
      if (label["status"] === "201" && ORDERS.has(route)) sums.orders += value;
    } else if (name === "http_request_duration_seconds_bucket") {
      const bound = label["le"] === "+Inf" ? Infinity : Number(label["le"]);
      sums.within.set(bound, (sums.within.get(bound) ?? 0) + value);
    }
  }
  return sums;
}

/** What happened between two samples; null where the service was started anew, or no time has passed. */
export function between(before: Sample, after: Sample): Rates | null {
  const seconds = (after.at - before.at) / 1000;
  if (seconds <= 0 || after.requests < before.requests) return null;
  const rate = (sum: "requests" | "orders" | "failures") => Math.max(0, after[sum] - before[sum]) / seconds;
  return { requests: rate("requests"), orders: rate("orders"), failures: rate("failures"), p99: p99(before, after) };
}

/** The bucket's bound that 99 % of the requests were within: no more is known of them. */
function p99(before: Sample, after: Sample): number | null {
  const counts = [...after.within]
    .map(([bound, count]) => [bound, count - (before.within.get(bound) ?? 0)] as const)
    .sort(([one], [two]) => one - two);
  const all = counts.at(-1)?.[1] ?? 0;
  if (all <= 0) return null;
  return counts.find(([, count]) => count >= all * 0.99)?.[0] ?? null;
}
