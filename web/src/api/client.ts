// Calls the services, through the one origin that the page comes from.

import { session } from "../session/session.svelte";
import { parseExact, type Exact } from "./exact";
import { Problem, Unreachable } from "./problem";
import type { components as Listing } from "./schema/stock-listing";
import type { components as Trading } from "./schema/trade";

export type Stock = Exact<Listing["schemas"]["Stock"]>;
export type StockPrice = Exact<Listing["schemas"]["StockPrice"]>;
export type Candle = Exact<Listing["schemas"]["Candle"]>;
export type Figures = Exact<Listing["schemas"]["Figures"]>;
export type Trade = Exact<Trading["schemas"]["Trade"]>;
export type Position = Exact<Trading["schemas"]["Position"]>;
export type Summary = Exact<Trading["schemas"]["Summary"]>;

/** Longest wait for an answer; the services give up before. */
const TIMEOUT_MS = 15_000;

export interface Page<T> {
  items: T[];
  /** The path of the next page. */
  next: string | null;
  /** Of the catalogue: its version, which its stream goes on from. */
  version: string | null;
}

export interface Order {
  user_id: string;
  symbol: string;
  quantity: string;
  price: string;
}

/** A path with a query of those values that there are. */
export function withQuery(path: string, values: Record<string, string | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== "") query.set(name, value);
  }
  return query.size > 0 ? `${path}?${query}` : path;
}

/** Sends a request with the key that there is; an answer that says no is thrown. */
export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (session.key !== null) headers.set("Authorization", `Bearer ${session.key}`);
  let response: Response;
  try {
    response = await fetch(path, { cache: "no-cache", ...init, headers });
  } catch (error) {
    throw new Unreachable("no answer", { cause: error });
  }
  if (response.ok) return response;
  const text = await response.text().catch(() => "");
  throw new Problem(response.status, isProblem(response) ? parseExact(text) : {});
}

function isProblem(response: Response): boolean {
  return response.headers.get("Content-Type")?.startsWith("application/problem+json") ?? false;
}

async function read<T>(response: Response): Promise<Exact<T>> {
  try {
    return parseExact<T>(await response.text());
  } catch (error) {
    throw new Unreachable("the answer broke off", { cause: error });
  }
}

export async function get<T>(path: string): Promise<T> {
  return (await read<T>(await send(path, { signal: AbortSignal.timeout(TIMEOUT_MS) }))) as T;
}

export async function page<T>(path: string): Promise<Page<T>> {
  const response = await send(path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const next = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get("Link") ?? "")?.[1] ?? null;
  const version = /"(\d+)"/.exec(response.headers.get("ETag") ?? "")?.[1] ?? null;
  return { items: (await read<T[]>(response)) as T[], next, version };
}

/** Sends an order under its key: a copy of it gets the first one's answer. */
export async function place(side: "buy" | "sell", order: Order, key: string): Promise<Trade> {
  const response = await send(`/trades/${side}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    body: JSON.stringify(order),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  return (await read<Trade>(response)) as Trade;
}
