// JSON whose numbers stay digits: a float would round what the services say exactly.

import type { DecimalText } from "../money/decimal";

/** A type of the API with digits in the place of its numbers. */
export type Exact<T> = T extends number
  ? DecimalText
  : T extends (infer Item)[]
    ? Exact<Item>[]
    : T extends object
      ? { [Key in keyof T]: Exact<T[Key]> }
      : T;

/** Reads JSON. Browsers that do not tell a number's source yet give its shortest digits. */
export function parseExact<T>(text: string): Exact<T> {
  return JSON.parse(text, exactly) as Exact<T>;
}

function exactly(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === "number" ? (context?.source ?? String(value)) : value;
}
