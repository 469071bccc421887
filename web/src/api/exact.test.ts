import { expect, it } from "vitest";
import { parseExact } from "./exact";

it("keeps numbers as the digits that they are sent in, at any depth", () => {
  const read = parseExact('{"a":[0.1,{"b":-5}],"c":"text","d":null,"e":true}');
  expect(read).toEqual({ a: ["0.1", { b: "-5" }], c: "text", d: null, e: true });
});
