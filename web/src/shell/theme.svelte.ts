// Light or dark: as the system says, until the reader says otherwise.

import { recall, remember } from "../session/remember";

type Theme = "light" | "dark";

const browser = () => localStorage;
const NAME = "stocks.theme";

class Colours {
  private readonly system = matchMedia("(prefers-color-scheme: dark)");
  private chosen = $state(recall(browser, NAME));
  private isSystemDark = $state(this.system.matches);

  constructor() {
    this.system.addEventListener("change", () => {
      this.isSystemDark = this.system.matches;
    });
  }

  get theme(): Theme {
    if (this.chosen === "light" || this.chosen === "dark") return this.chosen;
    return this.isSystemDark ? "dark" : "light";
  }

  turn(): void {
    this.chosen = this.theme === "dark" ? "light" : "dark";
    remember(browser, NAME, this.chosen);
  }
}

export const colours = new Colours();
