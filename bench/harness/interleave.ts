/** Rounds of several jobs in turn, so that whatever else the machine does meets all of them alike. */
import type { Job } from './peer.js';

export interface Timing {
  /** Milliseconds a step, one for each round. */
  readonly rounds: readonly number[];
  readonly median: number;
  readonly least: number;
  /** Half the rounds lie between these. */
  readonly quartiles: readonly [number, number];
  readonly steps: number;
  readonly value: number;
}
export interface Pace {
  readonly rounds: number;
  /** Milliseconds that one round of one job should take. */
  readonly roundMs: number;
}

const MAX_STEPS = 200_000;

export async function interleave<K>(jobs: ReadonlyMap<K, Job>, { rounds, roundMs }: Pace): Promise<Map<K, Timing>> {
  const entries = [...jobs];
  const steps = new Map<K, number>();
  const values = new Map<K, number>();
  for (const [key, job] of entries) steps.set(key, await calibrate(job, roundMs));
  const times = new Map(entries.map(([key]) => [key, [] as number[]]));
  for (let r = 0; r < rounds; r++) {
    for (let i = 0; i < entries.length; i++) {
      const [key, job] = entries[(i + r) % entries.length]!; // nobody always runs after the same one
      await pause(2); // for what the one before left spinning, where a waiting peer cannot be stopped
      const { ms, value } = await job.run(steps.get(key)!);
      times.get(key)!.push(ms / steps.get(key)!);
      values.set(key, value);
    }
  }
  return new Map(entries.map(([key]) => [key, summary(times.get(key)!, steps.get(key)!, values.get(key)!)]));
}

/** How many steps fill a round; warms the job up on the way. */
async function calibrate(job: Job, roundMs: number): Promise<number> {
  for (let steps = 1; ; steps *= 2) {
    const { ms } = await job.run(steps);
    if (ms < roundMs / 3 && steps < MAX_STEPS) continue;
    return Math.max(1, Math.min(MAX_STEPS, Math.round((steps * roundMs) / ms)));
  }
}

function summary(rounds: number[], steps: number, value: number): Timing {
  const sorted = [...rounds].sort((a, b) => a - b);
  const at = (q: number): number => {
    const i = (sorted.length - 1) * q;
    const low = Math.floor(i);
    return sorted[low]! + (sorted[Math.ceil(i)]! - sorted[low]!) * (i - low);
  };
  return { rounds, median: at(0.5), least: sorted[0]!, quartiles: [at(0.25), at(0.75)], steps, value };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
