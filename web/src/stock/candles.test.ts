import { expect, it } from "vitest";
import { bar, fold, historyPath, RANGES } from "./candles";

const first = { time: 60, open: 10, high: 11, low: 9, close: 10, prices: 3 };

it("folds a price of the same interval into the last candle", () => {
  expect(fold(first, 12, 119.9, 60)).toEqual({ time: 60, open: 10, high: 12, low: 9, close: 12, prices: 4 });
});

it("begins a candle with the first price of an interval", () => {
  const fresh = { time: 120, open: 8, high: 8, low: 8, close: 8, prices: 1 };
  expect(fold(first, 8, 120, 60)).toEqual(fresh);
  expect(fold(undefined, 8, 121, 60)).toEqual(fresh);
});

it("passes over a price from before the last candle", () => {
  expect(fold(first, 8, 59, 60)).toBeNull();
});

it("reads a candle of the service", () => {
  const candle = { t: "1970-01-01T00:01:00.000000Z", o: "10", h: "11", l: "9", c: "10.0", v: "3" };
  expect(bar(candle)).toEqual(first);
});

it("asks for no more candles than a page has", () => {
  for (const range of RANGES) expect(range.span / range.step, range.name).toBeLessThanOrEqual(999);
  expect(historyPath("AAPL", RANGES[0]!, 7_200_500)).toBe(
    "/stocks/AAPL/history?interval=1m&limit=1000&from=1970-01-01T01%3A00%3A00.000Z",
  );
});
