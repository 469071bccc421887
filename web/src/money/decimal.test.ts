import { describe, expect, it } from "vitest";
import { Decimal, sum } from "./decimal";

const text = (decimal: Decimal | null) => decimal?.toString();

describe("a decimal", () => {
  it("is read from digits, and nothing else", () => {
    for (const [digits, read] of [
      ["189.50", "189.5"],
      ["-0.0", "0"],
      ["1e3", "1000"],
      ["1.25e1", "12.5"],
      ["1e-3", "0.001"],
      [".5", "0.5"],
      ["5.", "5"],
      ["9999999999999999.9999", "9999999999999999.9999"],
    ] as const) {
      expect(text(Decimal.parse(digits)), digits).toBe(read);
    }
    for (const digits of ["", ".", "-", "1,5", "NaN", "0x1", "1e", "1 2", "--1"]) {
      expect(Decimal.parse(digits), digits).toBeNull();
    }
  });

  it("is added and multiplied without loss, where floats would lose", () => {
    expect(text(Decimal.of("0.1").plus(Decimal.of("0.2")))).toBe("0.3");
    expect(text(Decimal.of("9007199254740993").times(Decimal.of("1.0001")))).toBe("9008099974666467.0993");
    expect(text(sum(["1", "0.5", "-2"].map(Decimal.of)))).toBe("-0.5");
  });

  it("is divided towards zero, to so many digits", () => {
    expect(text(Decimal.of("1").over(Decimal.of("3"), 6))).toBe("0.333333");
    expect(text(Decimal.of("-1").over(Decimal.of("3"), 2))).toBe("-0.33");
    expect(text(Decimal.of("0.000001").over(Decimal.of("1000"), 2))).toBe("0");
    expect(text(Decimal.of("1").over(Decimal.of("0.0"), 2))).toBeUndefined();
  });

  it("is compared by what it is, not by how it is written", () => {
    expect(Decimal.of("1.50").compare(Decimal.of("1.5"))).toBe(0);
    expect(Decimal.of("-2").compare(Decimal.of("1"))).toBe(-1);
    expect(Decimal.of("10").compare(Decimal.of("9.99"))).toBe(1);
  });
});
