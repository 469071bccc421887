// Reads for an effect: what comes after the effect was run again, or is over, counts no more.

/** Hands on what `read` comes to, or why it does not; gives what ends it. */
export function reading<T>(read: Promise<T>, take: (found: T) => void, fail: (error: unknown) => void): () => void {
  let isOver = false;
  read.then(
    (found) => {
      if (!isOver) take(found);
    },
    (error: unknown) => {
      if (!isOver) fail(error);
    },
  );
  return () => {
    isOver = true;
  };
}
