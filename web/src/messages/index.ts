// The words of the page in the reader's language. English alone so far; a file beside `en.ts` and an entry here make another.

import { en, type Messages } from "./en";

const languages: Record<string, Messages> = { en };

const wanted = navigator.languages.find((language) => language.split("-")[0]! in languages) ?? "en";

/** The words. */
export const t: Messages = languages[wanted.split("-")[0]!] ?? en;
/** How numbers and times are written. */
export const locale: string = wanted;
