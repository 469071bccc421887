// Candles as the chart draws them, and how a price that comes becomes part of the last one. Pure.

import type { Candle } from "../api/client";

/** What a chart shows: how far back, in candles of which interval. */
export interface Range {
  name: string;
  interval: "1m" | "5m" | "1h" | "1d";
  /** Length of a candle, in seconds. */
  step: number;
  /** How far back, in seconds. */
  span: number;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const RANGES: readonly Range[] = [
  { name: "1H", interval: "1m", step: MINUTE, span: HOUR },
  { name: "1D", interval: "5m", step: 5 * MINUTE, span: DAY },
  { name: "1W", interval: "1h", step: HOUR, span: 7 * DAY },
  { name: "1M", interval: "1h", step: HOUR, span: 30 * DAY },
  { name: "3M", interval: "1d", step: DAY, span: 91 * DAY },
  { name: "1Y", interval: "1d", step: DAY, span: 365 * DAY },
];

/** A candle in floats: pixels need no more. */
export interface Bar {
  /** Its start, in seconds since 1970. */
  time: number;
  open: number;
  high: number;
  low: number;
  close: number;
  /** How many prices it is made of. */
  prices: number;
}

export const bar = (candle: Candle): Bar => ({
  time: Date.parse(candle.t) / 1000,
  open: Number(candle.o),
  high: Number(candle.h),
  low: Number(candle.l),
  close: Number(candle.c),
  prices: Number(candle.v),
});

/** The bar that a price makes of the last one: that one, or a new one after it. Null for a price from before it. */
export function fold(last: Bar | undefined, price: number, at: number, step: number): Bar | null {
  const time = Math.floor(at / step) * step;
  if (last !== undefined && time < last.time) return null;
  if (last === undefined || time > last.time) {
    return { time, open: price, high: price, low: price, close: price, prices: 1 };
  }
  return {
    ...last,
    high: Math.max(last.high, price),
    low: Math.min(last.low, price),
    close: price,
    prices: last.prices + 1,
  };
}

/** The path of a stock's history in a range that ends now. */
export function historyPath(symbol: string, range: Range, now: number): string {
  const from = new Date((Math.floor(now / 1000 / range.step) * range.step - range.span) * 1000).toISOString();
  return `/stocks/${symbol}/history?interval=${range.interval}&limit=1000&from=${encodeURIComponent(from)}`;
}
