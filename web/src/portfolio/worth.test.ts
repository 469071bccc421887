import { expect, it } from "vitest";
import { moments, worth } from "./worth";

const at = (time: number, open: number, close: number) => ({ time, open, close, high: close, low: open, prices: 1 });
const nothing = { held: new Map(), moves: [], bars: new Map(), prices: new Map() };

it("undoes the trades since then, and takes the prices of then", () => {
  const past = {
    ...nothing,
    held: new Map([["A", 5]]),
    moves: [
      { symbol: "A", at: 25, quantity: -5 },
      { symbol: "A", at: 15, quantity: 10 },
    ],
    bars: new Map([["A", [at(10, 1, 2), at(20, 2, 3), at(30, 3, 4)]]]),
  };
  expect(worth(past, [10, 20, 30])).toEqual([
    { time: 20, value: 30 },
    { time: 30, value: 20 },
  ]);
});

it("counts what was sold since, though none of it is held now", () => {
  const past = {
    ...nothing,
    moves: [{ symbol: "A", at: 25, quantity: -2 }],
    bars: new Map([["A", [at(10, 1, 2)]]]),
  };
  expect(worth(past, [5, 20, 30])).toEqual([
    { time: 5, value: 2 },
    { time: 20, value: 4 },
    { time: 30, value: 0 },
  ]);
});

it("takes the price of now where there is no history, and draws nothing of nothing", () => {
  const past = { ...nothing, held: new Map([["A", 2]]), prices: new Map([["A", 7]]) };
  expect(worth(past, [1])).toEqual([{ time: 1, value: 14 }]);
  expect(worth(nothing, [1, 2])).toEqual([]);
});

it("ends at this moment", () => {
  expect(moments(125, 60, 30)).toEqual([60, 90, 120, 125]);
});
