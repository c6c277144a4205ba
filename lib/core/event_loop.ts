/** Keeps a loop of awaited reads from starving the event loop. */

const LONGEST = 4; // ms between turns
let lastTurn = 0;

/**
 * A promise of one turn of the event loop if the last is a while ago, else null. A loop that awaits numbers which are there already would stay among the
 * microtasks for ever, and no timer or socket would get its turn.
 */
export function turnIfDue(): Promise<void> | null {
  if (performance.now() - lastTurn < LONGEST) return null;
  return new Promise((resolve) => {
    setImmediate(() => {
      lastTurn = performance.now();
      resolve();
    });
  });
}
