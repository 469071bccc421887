// What the user holds, read again after each order, after a loss of the connection, and now and then: somebody else may trade
// for the same user.

import { get, type Position, type Summary } from "../api/client";
import { Problem } from "../api/problem";
import { t } from "../messages";
import { session } from "../session/session.svelte";

const REFRESH_MS = 15_000;

class Holdings {
  /** Null until they were read. */
  positions = $state.raw<Position[] | null>(null);
  summary = $state.raw<Summary | null>(null);
  failure = $state.raw<unknown>(null);
  /** Grows with each time that they were read. */
  reads = $state(0);
  private reader = "";

  of(symbol: string): Position | undefined {
    return this.positions?.find((position) => position.symbol === symbol);
  }

  async refresh(): Promise<void> {
    const { user } = session;
    if (user !== this.reader) {
      this.reader = user;
      this.positions = this.summary = null;
    }
    try {
      const path = `/portfolio/${encodeURIComponent(user)}`;
      const [positions, summary] = await Promise.all([get<Position[]>(path), get<Summary>(`${path}/summary`)]);
      if (user !== session.user) return;
      this.positions = positions;
      this.summary = summary;
      this.failure = null;
      this.reads += 1;
    } catch (error) {
      if (user !== session.user) return;
      this.failure = error;
      if (error instanceof Problem && error.status === 401) session.signOut(t.signIn.refused);
    }
  }

  /** Keeps them fresh; gives what ends it. */
  follow(): () => void {
    const timer = setInterval(() => void this.refresh(), REFRESH_MS);
    return () => clearInterval(timer);
  }

  /** Somebody else must not see them. */
  forget(): void {
    this.positions = this.summary = this.failure = null;
  }
}

export const holdings = new Holdings();
