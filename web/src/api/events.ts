// Reads Server-Sent Events (WHATWG HTML, section 9.2) from a response. EventSource could not send a key.

export interface ServerEvent {
  kind: string;
  data: string;
  id: string;
}

/** Takes text in whatever pieces it comes, and hands on the events that it completes. */
export class EventReader {
  private rest = "";
  private kind = "";
  private data: string[] = [];
  private id = "";

  take(piece: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    const lines = (this.rest + piece).split("\n");
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = this.line(line.endsWith("\r") ? line.slice(0, -1) : line);
      if (event !== null) events.push(event);
    }
    return events;
  }

  private line(line: string): ServerEvent | null {
    if (line === "") return this.end();
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.kind = value;
    else if (name === "data") this.data.push(value);
    else if (name === "id") this.id = value;
    return null;
  }

  private end(): ServerEvent | null {
    const event = { kind: this.kind, data: this.data.join("\n"), id: this.id };
    const isEvent = this.data.length > 0;
    this.kind = "";
    this.data = [];
    return isEvent ? event : null;
  }
}
