import { expect, it } from "vitest";
import { Row } from "./row";
import { sectors, view, type Filter, type Sorting } from "./view";

const row = (symbol: string, name: string, sector: string | null, price: string) =>
  new Row({
    symbol,
    name,
    sector,
    current_price: price,
    change_pct: "0",
    volume: "1",
    market_cap: null,
    updated_at: "2030-01-01T00:00:00.000000Z",
  });

const rows = [
  row("AAPL", "Apple Inc.", "Technology", "9.5"),
  row("JPM", "JPMorgan", "Finance", "100"),
  row("X", "Ex", null, "20"),
];
const all: Filter = { search: "", sector: "" };
const shown = (filter: Partial<Filter>, sorting: Sorting = { by: "symbol", way: 1 }) =>
  view(rows, { ...all, ...filter }, sorting).map((found) => found.symbol);

it("finds by parts of symbol and name, in any case, all words of them", () => {
  expect(shown({ search: "app" })).toEqual(["AAPL"]);
  expect(shown({ search: "INC aapl" })).toEqual(["AAPL"]);
  expect(shown({ search: "apple finance" })).toEqual([]);
  expect(shown({ sector: "Finance" })).toEqual(["JPM"]);
});

it("sorts prices as numbers, and what is equal by symbol", () => {
  expect(shown({}, { by: "price", way: 1 })).toEqual(["AAPL", "X", "JPM"]);
  expect(shown({}, { by: "price", way: -1 })).toEqual(["JPM", "X", "AAPL"]);
  expect(shown({}, { by: "volume", way: -1 })).toEqual(["AAPL", "JPM", "X"]);
});

it("lists each sector once, and none for stocks without one", () => {
  expect(sectors(rows)).toEqual(["Finance", "Technology"]);
});

it("notices which way a price goes, and what is no news", () => {
  const stock = row("AAPL", "Apple", null, "10");
  const price = { symbol: "AAPL", current_price: "10.5", change_pct: "5", updated_at: "2030-01-01T00:00:01.000000Z" };
  expect(stock.take(price)).toBe(true);
  expect([stock.price, stock.direction, stock.beat]).toEqual(["10.5", 1, 1]);
  expect(stock.take(price)).toBe(false);
  expect(stock.take({ ...price, current_price: "9" })).toBe(true);
  expect([stock.direction, stock.beat]).toEqual([-1, 2]);
});
