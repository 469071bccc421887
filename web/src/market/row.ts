// A stock as the page knows it: digits for what is shown, floats for orderings and pixels alone.

import type { Stock, StockPrice } from "../api/client";
import type { DecimalText } from "../money/decimal";

export class Row {
  readonly symbol: string;
  readonly name: string;
  readonly sector: string;
  readonly volume: number;
  /** In millions. */
  readonly marketCap: number | null;
  /** Lower case, for the search. */
  readonly words: string;
  price: DecimalText;
  change: DecimalText;
  updatedAt: string;
  /** Which way the price went last: 1 up, -1 down, 0 not yet. */
  direction: -1 | 0 | 1 = 0;
  /** How often the price has changed since the page was opened. */
  beat = 0;

  constructor(stock: Stock) {
    this.symbol = stock.symbol;
    this.name = stock.name;
    this.sector = stock.sector ?? "";
    this.volume = Number(stock.volume);
    this.marketCap = stock.market_cap == null ? null : Number(stock.market_cap);
    this.words = `${stock.symbol} ${stock.name}`.toLowerCase();
    this.price = stock.current_price;
    this.change = stock.change_pct;
    this.updatedAt = stock.updated_at;
  }

  /** Takes a new price; false where it is the one that is known. */
  take(price: StockPrice): boolean {
    if (price.current_price === this.price && price.change_pct === this.change && price.updated_at === this.updatedAt) {
      return false;
    }
    const step = Number(price.current_price) - Number(this.price);
    if (step !== 0) {
      this.direction = step > 0 ? 1 : -1;
      this.beat += 1;
    }
    this.price = price.current_price;
    this.change = price.change_pct;
    this.updatedAt = price.updated_at;
    return true;
  }
}
