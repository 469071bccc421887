// Which rows of the market are shown, and in which order. Pure.

import type { Row } from "./row";

export type Column = "symbol" | "name" | "price" | "change" | "volume" | "marketCap";

export interface Sorting {
  by: Column;
  /** 1 from the smallest to the largest, -1 the other way. */
  way: 1 | -1;
}

export interface Filter {
  /** Words that symbol or name have in them. */
  search: string;
  /** Empty for all. */
  sector: string;
}

/** Whether prices that change put rows elsewhere. */
export const moves = (sorting: Sorting): boolean => sorting.by === "price" || sorting.by === "change";

export function view(rows: readonly Row[], filter: Filter, sorting: Sorting): Row[] {
  const words = filter.search.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = rows.filter(
    (row) => (filter.sector === "" || row.sector === filter.sector) && words.every((word) => row.words.includes(word)),
  );
  const order = ORDERS[sorting.by];
  return shown.sort((one, two) => sorting.way * order(one, two) || (one.symbol < two.symbol ? -1 : 1));
}

/** The sectors that there are, in the order of the alphabet. */
export function sectors(rows: readonly Row[]): string[] {
  return [...new Set(rows.map((row) => row.sector))].filter(Boolean).sort();
}

const collator = new Intl.Collator();
const ORDERS: Record<Column, (one: Row, two: Row) => number> = {
  symbol: (one, two) => Number(one.symbol > two.symbol) - Number(one.symbol < two.symbol),
  name: (one, two) => collator.compare(one.name, two.name),
  price: (one, two) => Number(one.price) - Number(two.price),
  change: (one, two) => Number(one.change) - Number(two.change),
  volume: (one, two) => one.volume - two.volume,
  marketCap: (one, two) => (one.marketCap ?? -1) - (two.marketCap ?? -1),
};
