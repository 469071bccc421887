// Finds out who may call, by asking for a portfolio.

import { get } from "../api/client";
import { Problem } from "../api/problem";
import { t } from "../messages";
import { session } from "./session.svelte";

const ask = (user: string) => get(`/portfolio/${encodeURIComponent(user)}`);

/** Learns whether a key is wanted here, and whether the one that is kept still counts. */
export async function learnAccess(): Promise<void> {
  const key = session.key;
  session.key = null;
  try {
    await ask(session.user);
    session.showKey(null);
    session.access = "open";
  } catch (error) {
    session.key = key;
    if (!(error instanceof Problem && error.status === 401)) throw error;
    if (key === null) session.signOut();
    else await signIn(session.user, key);
  }
}

/** Shows a key; one that does not count leaves its holder signed out, and says why. */
export async function signIn(user: string, key: string): Promise<void> {
  session.showKey(key);
  try {
    await ask(user);
    session.choose(user);
    session.complaint = null;
    session.access = "signed-in";
  } catch (error) {
    const status = error instanceof Problem ? error.status : 0;
    if (status === 401) session.signOut(t.signIn.refused);
    else if (status === 403) session.signOut(t.signIn.forbidden(user));
    else throw error;
  }
}
