import { expect, it } from "vitest";
import { allocation, price, total } from "./priced";

const position = (symbol: string, quantity: string, cost: string) => ({
  user_id: "user-001",
  symbol,
  quantity,
  average_price: "1",
  cost_basis: cost,
  market_price: null,
  market_value: null,
  unrealized_pnl: null,
  realized_pnl: "0",
  updated_at: "2030-01-01T00:00:00.000000Z",
});

it("prices a position to the last digit", () => {
  const priced = price(position("AAPL", "0.000003", "0.0005"), { price: "189.5001", change: "25" });
  expect(priced.value?.toString()).toBe("0.0005685003");
  expect(priced.unrealized?.toString()).toBe("0.0000685003");
});

it("knows what the day brought from the change since the close", () => {
  expect(price(position("A", "10", "0"), { price: "125", change: "25" }).day?.toString()).toBe("250");
  expect(price(position("A", "10", "0"), { price: "75", change: "-25" }).day?.toString()).toBe("-250");
  expect(price(position("A", "10", "0"), { price: "1", change: "-100" }).day).toBeNull();
});

it("makes no figure up for a price that is not known", () => {
  const [known, unknown] = [
    price(position("A", "1", "1"), { price: "2", change: "0" }),
    price(position("B", "1", "1"), null),
  ];
  expect([unknown.value, unknown.day, unknown.unrealized]).toEqual([null, null, null]);
  expect(total([known, unknown], "value")).toBeNull();
  expect(total([known, known], "value")?.toString()).toBe("4");
});

it("shares a value out, the smallest together", () => {
  const at = { price: "1", change: "0" };
  const positions = ["1", "4", "2", "3"].map((quantity, index) => price(position(`S${index}`, quantity, "0"), at));
  const shares = allocation(positions, 3, "Others").map(({ symbol, part }) => [symbol, part]);
  expect(shares).toEqual([
    ["S1", 0.4],
    ["S3", 0.3],
    ["Others", 0.3],
  ]);
  expect(allocation([], 3, "Others")).toEqual([]);
});
