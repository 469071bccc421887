// Exact decimals: what the services say in digits is never put through a float to be added, multiplied or compared.

/** A number in digits, such as `"189.5"` or `"-0.25"`. */
export type DecimalText = string;

const FORM = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;

export class Decimal {
  static readonly zero = new Decimal(0n, 0);

  /** The value is `units` times ten to the power of `-scale`. */
  private constructor(
    private readonly units: bigint,
    private readonly scale: number,
  ) {}

  /** Reads digits; null where there is no number. */
  static parse(text: DecimalText): Decimal | null {
    const [, sign, whole = "", fraction = "", exponent = "0"] = FORM.exec(text.trim()) ?? [];
    if (sign === undefined || whole + fraction === "") return null;
    const units = BigInt(`${whole}${fraction}`) * (sign === "-" ? -1n : 1n);
    const scale = fraction.length - Number(exponent);
    return scale < 0 ? new Decimal(units * 10n ** BigInt(-scale), 0) : new Decimal(units, scale);
  }

  /** Reads what a service has said: it always says numbers. */
  static of(text: DecimalText): Decimal {
    const parsed = Decimal.parse(text);
    if (parsed === null) throw new Error(`no decimal: ${text}`);
    return parsed;
  }

  plus(other: Decimal): Decimal {
    const scale = Math.max(this.scale, other.scale);
    return new Decimal(this.at(scale) + other.at(scale), scale);
  }

  minus(other: Decimal): Decimal {
    return this.plus(new Decimal(-other.units, other.scale));
  }

  times(other: Decimal): Decimal {
    return new Decimal(this.units * other.units, this.scale + other.scale);
  }

  /** Divides, and cuts off after so many fraction digits; null by zero. */
  over(other: Decimal, fractionDigits: number): Decimal | null {
    if (other.units === 0n) return null;
    const shift = fractionDigits + other.scale - this.scale;
    const [above, below] =
      shift >= 0 ? [this.units * 10n ** BigInt(shift), other.units] : [this.units, other.units * 10n ** BigInt(-shift)];
    return new Decimal(above / below, fractionDigits);
  }

  compare(other: Decimal): number {
    const scale = Math.max(this.scale, other.scale);
    const [one, two] = [this.at(scale), other.at(scale)];
    return one < two ? -1 : Number(one > two);
  }

  sign(): -1 | 0 | 1 {
    return this.units < 0n ? -1 : this.units > 0n ? 1 : 0;
  }

  /** How many digits stand behind the point, zeros at the end left out. */
  fractionDigits(): number {
    return this.toString().split(".")[1]?.length ?? 0;
  }

  /** As a float: for pixels and orderings, not for amounts. */
  toNumber(): number {
    return Number(this.toString());
  }

  toString(): DecimalText {
    const digits = (this.units < 0n ? -this.units : this.units).toString().padStart(this.scale + 1, "0");
    const whole = digits.slice(0, digits.length - this.scale);
    const fraction = digits.slice(digits.length - this.scale).replace(/0+$/, "");
    const sign = this.units < 0n ? "-" : "";
    return fraction === "" ? `${sign}${whole}` : `${sign}${whole}.${fraction}`;
  }

  private at(scale: number): bigint {
    return this.units * 10n ** BigInt(scale - this.scale);
  }
}

/** The sum of all of them. */
export function sum(decimals: Iterable<Decimal>): Decimal {
  let total = Decimal.zero;
  for (const decimal of decimals) total = total.plus(decimal);
  return total;
}
