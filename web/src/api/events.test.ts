import { expect, it } from "vitest";
import { EventReader } from "./events";

const STREAM =
  "retry: 1000\n\n:\n\nid: 7\nevent: price\ndata: {}\n\ndata: one\r\ndata:two\r\n\r\nid: 8\n\nevent: lost\ndata: end";
const EXPECTED = [
  { kind: "price", data: "{}", id: "7" },
  { kind: "", data: "one\ntwo", id: "7" },
];

it("reads the same events wherever the stream is cut", () => {
  for (let cut = 0; cut <= STREAM.length; cut += 1) {
    const reader = new EventReader();
    const events = [...reader.take(STREAM.slice(0, cut)), ...reader.take(STREAM.slice(cut))];
    expect(events, `cut at ${cut}`).toEqual(EXPECTED);
  }
});
