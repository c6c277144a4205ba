/** Answers one job's requests: runs so many steps, waits for the last, and returns a number (the loss, where there is one). */
export type Run = (steps: number) => number | Promise<number>;
export function serve<R>(hello: { name: string; version: string }, openJob: (request: R) => Run | Promise<Run>): Promise<void>;
