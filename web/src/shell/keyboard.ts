// Single keys that lead somewhere. They keep still while somebody writes, and leave the browser's own keys alone.

import type { Side } from "../order/ticket";
import { router } from "./route.svelte";

const tickets = new Set<(side: Side) => void>();

/** Calls back when a key asks to buy or to sell; gives what ends it. */
export function onTicket(listener: (side: Side) => void): () => void {
  tickets.add(listener);
  return () => tickets.delete(listener);
}

const ask = (side: Side) => () => {
  for (const listener of tickets) listener(side);
};

const KEYS: Record<string, () => void> = {
  "/": () => {
    router.go("");
    // The market may have to be drawn first.
    requestAnimationFrame(() => document.getElementById("search")?.focus());
  },
  b: ask("buy"),
  s: ask("sell"),
  m: () => router.go(""),
  p: () => router.go("portfolio"),
  o: () => router.go("operations"),
};

/** Listens to the keyboard; `help` shows the list of keys. */
export function listen(help: () => void): () => void {
  const onKey = (event: KeyboardEvent) => {
    const isWriting =
      event.target instanceof Element && event.target.closest("input, select, textarea, dialog") !== null;
    if (isWriting || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const action = event.key === "?" ? help : KEYS[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  };
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}
