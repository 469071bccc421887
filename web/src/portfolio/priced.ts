// A position at the market's price of this moment, in exact decimals. Pure.

import type { Position } from "../api/client";
import { Decimal, sum, type DecimalText } from "../money/decimal";

export interface Market {
  price: DecimalText;
  /** Change since the previous close, in per cent. */
  change: DecimalText;
}

/** Figures are null while the market's price is not known. */
export interface Priced {
  symbol: string;
  quantity: Decimal;
  averagePrice: DecimalText;
  cost: Decimal;
  realized: Decimal;
  price: DecimalText | null;
  value: Decimal | null;
  /** What the shares held have gained since the previous close, those bought since then too. */
  day: Decimal | null;
  unrealized: Decimal | null;
}

const HUNDRED = Decimal.of("100");
/** Digits of a share of a value, as far as they are of use. */
const CENTS = 2;

export function price(position: Position, market: Market | null | undefined): Priced {
  const quantity = Decimal.of(position.quantity);
  const cost = Decimal.of(position.cost_basis);
  const value = market == null ? null : quantity.times(Decimal.of(market.price));
  return {
    symbol: position.symbol,
    quantity,
    averagePrice: position.average_price,
    cost,
    realized: Decimal.of(position.realized_pnl),
    price: market?.price ?? null,
    value,
    day: value && market ? sinceClose(value, Decimal.of(market.change)) : null,
    unrealized: value?.minus(cost) ?? null,
  };
}

/** What a value has gained by a change of so many per cent; null when it was nothing before. */
function sinceClose(value: Decimal, change: Decimal): Decimal | null {
  return value.times(change).over(HUNDRED.plus(change), CENTS);
}

/** The sum of one figure over all positions; null where one of them is not known. */
export function total(positions: readonly Priced[], figure: "value" | "day" | "unrealized"): Decimal | null {
  const figures = positions.map((position) => position[figure]);
  return figures.includes(null) ? null : sum(figures as Decimal[]);
}

/** A share of the whole. */
export interface Share {
  symbol: string;
  value: Decimal;
  /** From 0 to 1. */
  part: number;
}

/** The largest positions by value, and what is left as one; nothing where nothing is known. */
export function allocation(positions: readonly Priced[], most: number, others: string): Share[] {
  const known = positions.filter((position) => position.value !== null);
  const whole = sum(known.map((position) => position.value!)).toNumber();
  if (whole <= 0) return [];
  const share = (symbol: string, value: Decimal) => ({ symbol, value, part: value.toNumber() / whole });
  const shares = known.map((position) => share(position.symbol, position.value!));
  shares.sort((one, two) => two.value.compare(one.value));
  if (shares.length <= most) return shares;
  const rest = sum(shares.slice(most - 1).map(({ value }) => value));
  return [...shares.slice(0, most - 1), share(others, rest)];
}
