// Which view is shown, by the address's fragment: the path belongs to the API.

export type Route =
  { view: "market" } | { view: "stock"; symbol: string } | { view: "portfolio" } | { view: "operations" };

const SYMBOL = /^[A-Z][A-Z0-9.-]{0,11}$/;

/** Whether a text can be a stock's symbol. */
export const isSymbol = (text: string): boolean => SYMBOL.test(text);

/** The view that a fragment names; the market where it names none. */
export function parse(fragment: string): Route {
  const [view, symbol = ""] = fragment.replace(/^#?\/?/, "").split("/");
  if (view === "stocks" && isSymbol(symbol.toUpperCase())) return { view: "stock", symbol: symbol.toUpperCase() };
  if (view === "portfolio" || view === "operations") return { view };
  return { view: "market" };
}

class Router {
  current = $state<Route>(parse(location.hash));

  constructor() {
    addEventListener("hashchange", () => {
      this.current = parse(location.hash);
    });
  }

  go(path: "" | "portfolio" | "operations"): void {
    location.hash = `#/${path}`;
  }
}

export const router = new Router();
