import { expect, it } from "vitest";
import { check, exceeds, freshKey, type Checked, type Draft } from "./ticket";

const draft = (written: Partial<Draft>): Draft => ({ by: "quantity", quantity: "", amount: "", price: "", ...written });
const order = (written: Partial<Draft>, market = "189.5") => {
  const { quantity, price, total } = check(draft(written), market) as Checked;
  return [quantity, price, total.toString()];
};

it("takes the market's price, or the one that is written", () => {
  expect(order({ quantity: "10" })).toEqual(["10", "189.5", "1895"]);
  expect(order({ quantity: "0.1", price: "0.3" })).toEqual(["0.1", "0.3", "0.03"]);
});

it("buys for no more than the amount", () => {
  expect(order({ by: "amount", amount: "1000" })).toEqual(["5.277044", "189.5", "999.999838"]);
  expect(order({ by: "amount", amount: "379" })).toEqual(["2", "189.5", "379"]);
});

it("says which field is no number to order with", () => {
  const refused = (written: Partial<Draft>) => check(draft(written), "189.5");
  for (const quantity of ["", "0", "-1", "ten", "0.0000001"]) {
    expect(refused({ quantity }), quantity).toEqual({ field: "quantity", complaint: "needsQuantity" });
  }
  for (const price of ["0", "-1", "x", "1.00001"]) {
    expect(refused({ quantity: "1", price }), price).toEqual({ field: "price", complaint: "needsPrice" });
  }
  expect(refused({ by: "amount", amount: "" })).toEqual({ field: "amount", complaint: "needsAmount" });
  expect(refused({ by: "amount", amount: "0.0000001" })).toEqual({ field: "amount", complaint: "tooSmall" });
});

it("compares what is ordered with what is held as numbers", () => {
  expect(exceeds("10", "9")).toBe(true);
  expect(exceeds("9.50", "9.5")).toBe(false);
});

it("makes keys that differ", () => {
  expect(freshKey()).toMatch(/^[0-9a-f]{32}$/);
  expect(freshKey()).not.toBe(freshKey());
});
