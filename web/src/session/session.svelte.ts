// Who uses the page. A key is kept for this tab alone, never in localStorage, and never in an address.

import { recall, remember } from "./remember";

const tab = () => sessionStorage;
const browser = () => localStorage;

const KEY = "stocks.key";
const USER = "stocks.user";
const FIRST_USER = "user-001";
const USER_FORM = /^[A-Za-z0-9._@:-]{1,64}$/;

/** Whether a text can be a user's id. */
export const isUser = (text: string): boolean => USER_FORM.test(text);

/** `open`: everybody may call; else whether a key is shown. Null until the services have said. */
type Access = "open" | "signed-in" | "signed-out" | null;

class Session {
  access = $state<Access>(null);
  user = $state(recall(browser, USER) ?? FIRST_USER);
  key = $state(recall(tab, KEY));
  /** Why somebody was signed out, or could not sign in. */
  complaint = $state<string | null>(null);

  /** Whether orders and portfolios can be asked for. */
  get mayTrade(): boolean {
    return this.access === "open" || this.access === "signed-in";
  }

  choose(user: string): void {
    this.user = user;
    remember(browser, USER, user);
  }

  showKey(key: string | null): void {
    this.key = key;
    remember(tab, KEY, key);
  }

  signOut(complaint: string | null = null): void {
    this.showKey(null);
    this.access = "signed-out";
    this.complaint = complaint;
  }
}

export const session = new Session();
