// The catalogue in memory, kept live. Rows are plain objects: of ten thousand, only those that are seen are looked at again,
// once a frame.

import { get, page, type Page, type Stock, type StockPrice } from "../api/client";
import { Row } from "./row";
import { follow, type Connection } from "./stream";

const PAGE = "/stocks?limit=1000";

type OnPrice = (row: Row) => void;

class Catalogue {
  /** Grows with each frame in which a price has changed. */
  tick = $state(0);
  /** Grows when stocks are added. */
  version = $state(0);
  connection = $state<Connection>("connecting");
  /** Grows when the connection is back after a loss: what was read before may be old. */
  returns = $state(0);
  isLoaded = $state(false);
  failure = $state<unknown>(null);

  rows: Row[] = [];
  private readonly bySymbol = new Map<string, Row>();
  private readonly listeners = new Set<OnPrice>();
  private readonly asked = new Set<string>();
  private isFrameDue = false;
  private stop = new AbortController();

  /** Reads the catalogue, and follows its prices. */
  async start(): Promise<void> {
    this.stop.abort();
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.failure = null;
    try {
      const since = await this.load();
      this.isLoaded = true;
      void follow(since, this, signal);
    } catch (error) {
      this.failure = error;
    }
  }

  find(symbol: string): Row | undefined {
    return this.bySymbol.get(symbol);
  }

  /** Calls back with each price; gives what ends it. */
  onPrice(listener: OnPrice): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  price(price: StockPrice): void {
    const row = this.bySymbol.get(price.symbol);
    if (row === undefined) void this.ask(price.symbol);
    else if (row.take(price)) {
      for (const listener of this.listeners) listener(row);
      this.frame();
    }
  }

  connected(connection: Connection): void {
    const isBack = connection === "live" && this.connection !== "live" && this.connection !== "connecting";
    this.connection = connection;
    if (isBack) this.returns += 1;
  }

  private async load(): Promise<string | null> {
    let since: string | null = null;
    for (let next: string | null = PAGE; next !== null;) {
      const read: Page<Stock> = await page<Stock>(next);
      // The first page is the oldest: what has changed since then, the stream tells.
      since ??= read.version;
      this.add(read.items);
      next = read.next;
    }
    return since;
  }

  /** A stock that was added while the page was open. */
  private async ask(symbol: string): Promise<void> {
    if (this.asked.has(symbol)) return;
    this.asked.add(symbol);
    try {
      this.add([await get<Stock>(`/stocks/${symbol}`)]);
    } catch {
      // Its next price asks again.
    } finally {
      this.asked.delete(symbol);
    }
  }

  private add(stocks: Stock[]): void {
    for (const stock of stocks) {
      const known = this.bySymbol.get(stock.symbol);
      if (known === undefined) {
        const row = new Row(stock);
        this.bySymbol.set(row.symbol, row);
        this.rows.push(row);
      } else known.take(stock);
    }
    this.version += 1;
  }

  private frame(): void {
    if (this.isFrameDue) return;
    this.isFrameDue = true;
    requestAnimationFrame(() => {
      this.isFrameDue = false;
      this.tick += 1;
    });
  }
}

export const catalogue = new Catalogue();
