// What somebody wrote into a ticket, and the order that it comes to. Pure, and exact.

import { Decimal, type DecimalText } from "../money/decimal";

export type Side = "buy" | "sell";

export interface Draft {
  by: "quantity" | "amount";
  quantity: string;
  amount: string;
  /** Empty: the market's price. */
  price: string;
}

export type Field = "quantity" | "amount" | "price";
type Complaint = "needsQuantity" | "needsAmount" | "needsPrice" | "tooSmall";

export interface Checked {
  quantity: DecimalText;
  price: DecimalText;
  total: Decimal;
}

/** Where a draft is no order yet. */
export interface Refused {
  field: Field;
  complaint: Complaint;
}

const QUANTITY_DIGITS = 6;
const PRICE_DIGITS = 4;

const above0 = (text: string, digits: number): Decimal | null => {
  const value = Decimal.parse(text);
  return value !== null && value.sign() > 0 && value.fractionDigits() <= digits ? value : null;
};

/** The order that a draft comes to at the market's price of this moment. */
export function check(draft: Draft, market: DecimalText): Checked | Refused {
  const price = above0(draft.price.trim() === "" ? market : draft.price, PRICE_DIGITS);
  if (price === null) return { field: "price", complaint: "needsPrice" };
  if (draft.by === "amount") {
    const amount = above0(draft.amount, Infinity);
    if (amount === null) return { field: "amount", complaint: "needsAmount" };
    const quantity = amount.over(price, QUANTITY_DIGITS)!;
    if (quantity.sign() === 0) return { field: "amount", complaint: "tooSmall" };
    return checked(quantity, price);
  }
  const quantity = above0(draft.quantity, QUANTITY_DIGITS);
  return quantity === null ? { field: "quantity", complaint: "needsQuantity" } : checked(quantity, price);
}

const checked = (quantity: Decimal, price: Decimal): Checked => ({
  quantity: quantity.toString(),
  price: price.toString(),
  total: quantity.times(price),
});

/** Whether more is ordered than is held. */
export const exceeds = (quantity: DecimalText, held: DecimalText): boolean =>
  Decimal.of(quantity).compare(Decimal.of(held)) > 0;

/** A key that nobody has used before. `randomUUID` would want HTTPS. */
export function freshKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
