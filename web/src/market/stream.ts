// Follows the catalogue's stream of prices, through losses: each connection goes on where the one before ended.

import { send, type StockPrice } from "../api/client";
import { EventReader } from "../api/events";
import { parseExact } from "../api/exact";

export type Connection = "connecting" | "live" | "reconnecting" | "offline";

/** The stream's heartbeat comes every 15 s: this long without one it is dead. */
const SILENCE_MS = 20_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4_000;

export interface Listener {
  price(price: StockPrice): void;
  connected(connection: Connection): void;
}

/** Follows until `signal` says stop; begins after the catalogue's version `since`. */
export async function follow(since: string | null, listener: Listener, signal: AbortSignal): Promise<void> {
  let lastId = since;
  let pause = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      await listen(lastId, signal, (event) => {
        if (event === null) listener.connected("live");
        else {
          lastId = event.id || lastId;
          if (event.kind === "price") listener.price(parseExact<StockPrice>(event.data) as StockPrice);
        }
        pause = FIRST_PAUSE_MS;
      });
    } catch {
      // Whatever the reason, it is opened again.
    }
    if (signal.aborted) return;
    listener.connected(navigator.onLine ? "reconnecting" : "offline");
    await rest(pause * (0.75 + Math.random() / 2));
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

type Heard = (event: { kind: string; data: string; id: string } | null) => void;

async function listen(lastId: string | null, signal: AbortSignal, heard: Heard): Promise<void> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const response = await send("/stream", {
      headers: { Accept: "text/event-stream", ...(lastId === null ? {} : { "Last-Event-ID": lastId }) },
      cache: "no-store",
      signal: AbortSignal.any([signal, silence.signal]),
    });
    if (response.body === null) return;
    heard(null);
    const events = new EventReader();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      for (const event of events.take(value)) heard(event);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Waits, or until the browser is online again. */
function rest(milliseconds: number): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      done();
    };
    const timer = setTimeout(end, milliseconds);
    addEventListener("online", end);
  });
}
