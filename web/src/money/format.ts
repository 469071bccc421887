// How amounts, quantities and times are written for people. Digits go into Intl as text, so that none are lost.

import { Decimal, type DecimalText } from "./decimal";
import { locale } from "../messages";

type Digits = DecimalText & Intl.StringNumericLiteral;

const formats = new Map<string, Intl.NumberFormat>();

function format(least: number, most: number, sign: "auto" | "exceptZero"): Intl.NumberFormat {
  const key = `${least} ${most} ${sign}`;
  let found = formats.get(key);
  if (found === undefined) {
    found = new Intl.NumberFormat(locale, {
      minimumFractionDigits: least,
      maximumFractionDigits: most,
      signDisplay: sign,
    });
    formats.set(key, found);
  }
  return found;
}

const write = (text: DecimalText, least: number, most: number, sign: "auto" | "exceptZero" = "auto") =>
  format(least, most, sign).format(text as Digits);

/** A price of a share: cents, and up to two digits more where it has them. */
export const price = (text: DecimalText): string => write(text, 2, 4);
/** An amount of money, to the cent. */
export const amount = (value: Decimal): string => write(value.toString(), 2, 2);
/** A profit or a loss, to the cent, with its sign. */
export const gain = (value: Decimal): string => write(value.toString(), 2, 2, "exceptZero");
/** A number of shares. */
export const quantity = (text: DecimalText): string => write(text, 0, 6);
/** A change in per cent, with its sign. */
export const percent = (text: DecimalText): string => `${write(text, 2, 2, "exceptZero")}%`;
/** A whole number, such as one of rows. */
export const count = (value: number): string => write(String(value), 0, 0);

const compactFormat = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
/** A large number in few characters. */
export const compact = (value: number): string => compactFormat.format(value);

const momentFormat = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
/** A moment, where the reader is. */
export const moment = (time: string): string => momentFormat.format(new Date(time));
const clockFormat = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
/** The time of the day, where the reader is. */
export const clock = (time: string): string => clockFormat.format(new Date(time));
