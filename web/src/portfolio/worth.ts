// What a portfolio was worth over time: today's holdings, with the trades since then undone, at the prices of then. Pure, and in
// floats: it is drawn.

import type { Bar } from "../stock/candles";

/** A trade: how many shares came, or went. */
export interface Move {
  symbol: string;
  /** In seconds since 1970. */
  at: number;
  /** Below 0 for a sell. */
  quantity: number;
}

export interface Point {
  time: number;
  value: number;
}

export interface Past {
  /** Shares held now. */
  held: ReadonlyMap<string, number>;
  /** The trades of the time that is drawn, in any order. */
  moves: readonly Move[];
  /** The prices of that time, the oldest first. */
  bars: ReadonlyMap<string, readonly Bar[]>;
  /** Prices of now. */
  prices: ReadonlyMap<string, number>;
}

/** The value at each of `times`, which go up; from the first on at which anything was held. */
export function worth({ held, moves, bars, prices }: Past, times: readonly number[]): Point[] {
  const quantities = new Map(held);
  const undone = [...moves].sort((one, two) => two.at - one.at);
  const points: Point[] = [];
  let next = 0;
  for (const time of [...times].reverse()) {
    for (let move = undone[next]; move !== undefined && move.at > time; move = undone[(next += 1)]) {
      quantities.set(move.symbol, (quantities.get(move.symbol) ?? 0) - move.quantity);
    }
    let value = 0;
    for (const [symbol, quantity] of quantities) {
      // What floats leave of nothing is nothing.
      if (Math.abs(quantity) < 1e-7) continue;
      value += quantity * (priceAt(bars.get(symbol) ?? [], time) ?? prices.get(symbol) ?? 0);
    }
    points.push({ time, value });
  }
  points.reverse();
  const first = points.findIndex(({ value }) => value > 0);
  return first < 0 ? [] : points.slice(first);
}

/** The last price that was known at a time; before all of them, the first. */
function priceAt(bars: readonly Bar[], time: number): number | undefined {
  let [low, high] = [0, bars.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bars[middle]!.time <= time) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? bars[0]?.open : bars[low - 1]!.close;
}

/** The moments to draw between then and now, in seconds, the last of them now. */
export function moments(now: number, span: number, step: number): number[] {
  const times: number[] = [];
  for (let time = Math.floor(now / step) * step - span; time < now; time += step) times.push(time);
  return [...times, now];
}
