// How amounts, quantities and times are written for people. Digits go into Intl as text, so that none are lost.

import { Decimal, type DecimalText } from "./decimal";
import { locale } from "../messages";

type Digits = DecimalText & Intl.StringNumericLiteral;

/** Writes digits with so many behind the point, and with their sign where it is to be seen. */
function writer(
  least: number,
  most: number,
  signDisplay: "auto" | "exceptZero" = "auto",
): (text: DecimalText) => string {
  const format = new Intl.NumberFormat(locale, {
    minimumFractionDigits: least,
    maximumFractionDigits: most,
    signDisplay,
  });
  return (text) => format.format(text as Digits);
}

const cents = writer(2, 2);
const signed = writer(2, 2, "exceptZero");
const whole = writer(0, 0);

/** A price of a share: cents, and up to two digits more where it has them. */
export const price = writer(2, 4);
/** A number of shares. */
export const quantity = writer(0, 6);
/** An amount of money, to the cent; a dash where it is not known. */
export const amount = (value: Decimal | null): string => (value === null ? "–" : cents(value.toString()));
/** A profit or a loss, to the cent, with its sign. */
export const gain = (value: Decimal): string => signed(value.toString());
/** A change in per cent, with its sign. */
export const percent = (text: DecimalText): string => `${signed(text)}%`;
/** A whole number, such as one of rows. */
export const count = (value: number): string => whole(String(value));

const compactFormat = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
/** A large number in few characters. */
export const compact = (value: number): string => compactFormat.format(value);

const momentFormat = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
/** A moment, where the reader is. */
export const moment = (time: string): string => momentFormat.format(new Date(time));
