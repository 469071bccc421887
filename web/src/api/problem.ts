// What can go wrong with a call: the service says no, or nothing is heard of it.

import type { DecimalText } from "../money/decimal";

interface FieldError {
  pointer?: string;
  parameter?: string;
  detail: string;
}

/** The services' one shape of failure (RFC 9457). */
interface ProblemDocument {
  status: DecimalText;
  title: string;
  detail: string;
  errors?: FieldError[];
  available?: DecimalText;
}

/** A service has answered that it cannot. */
export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    readonly status: number,
    private readonly document: Partial<ProblemDocument>,
  ) {
    super(document.detail ?? document.title ?? `status ${status}`);
  }

  /** What is wrong with one field of the request's body. */
  ofField(name: string): string | undefined {
    return this.document.errors?.find((error) => error.pointer === `/${name}`)?.detail;
  }

  /** Of an order for more than is held: how much is held. */
  get available(): DecimalText | undefined {
    return this.document.available;
  }

  /** Whether the request may have been carried out all the same. */
  get leavesOutcomeOpen(): boolean {
    return this.status >= 500;
  }
}

/** No answer came: the request may have been carried out, or not. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}
