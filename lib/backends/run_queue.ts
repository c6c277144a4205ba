/** Runs that come about in several steps, with waits for native runs between them. They happen in order; while one is under way, later runs queue behind it. */
import type { Addon } from '../../typings/addon.js';
import { turnIfDue } from '../core/event_loop.js';

/** Yields the ticket of the native run that must have finished before the next step, or 0. Throws what makes the run fail. */
export type Steps = Generator<number, void>;

/** A run under way or waiting for its turn. */
export class Job {
  /** Settles when the run is over, failed or not. */
  readonly done: Promise<void>;
  /** The ticket that the next step waits for. */
  waitsFor = 0;
  over!: () => void;
  constructor(
    readonly steps: Steps,
    readonly fail: (error: Error) => void,
  ) {
    this.done = new Promise((resolve) => (this.over = resolve));
  }
}

const MOST_JOBS = 16;
const NOTHING = new Uint8Array(1);

export class RunQueue {
  private readonly jobs: Job[] = []; // the head is under way
  private driving = false;

  constructor(private readonly addon: Pick<Addon, 'wait' | 'read'>) {}

  /** True while a run is under way. */
  get busy(): boolean {
    return this.jobs.length > 0;
  }

  /** Adds a run and starts it if it is the first; it goes on in the background. When too many wait, the first is finished here. */
  add(job: Job): void {
    this.jobs.push(job);
    if (this.jobs.length === 1) this.advance(job);
    if (this.jobs.length > MOST_JOBS) this.finish(this.jobs[0]!);
    if (this.busy && !this.driving) void this.drive();
  }

  /** Brings a run to its end, and those before it, blocking. */
  finish(job: Job): void {
    while (this.jobs.includes(job)) {
      const head = this.jobs[0]!;
      if (this.settled(head)) this.advance(head);
    }
  }

  /** Goes on with the runs, one after the other, whenever what they wait for is there; the event loop gets its turns. */
  private async drive(): Promise<void> {
    this.driving = true;
    await Promise.resolve(); // never within the call that added the run
    while (this.busy) {
      const head = this.jobs[0]!;
      const ticket = head.waitsFor;
      // A read of nothing tells when the run has finished. Someone else may have gone on meanwhile.
      if (ticket !== 0) await this.addon.read(NOTHING, ticket, true).catch(() => {});
      await turnIfDue();
      if (this.jobs[0] === head && head.waitsFor === ticket && this.settled(head)) this.advance(head);
    }
    this.driving = false;
  }

  /** Waits for what the run waits for; false if that failed, and the run with it. */
  private settled(job: Job): boolean {
    try {
      if (job.waitsFor !== 0) this.addon.wait(job.waitsFor);
      return true;
    } catch (error) {
      this.end(job, error as Error);
      return false;
    }
  }

  /** Takes the next step of the head. */
  private advance(job: Job): void {
    try {
      const next = job.steps.next();
      if (next.done) this.end(job, null);
      else job.waitsFor = next.value;
    } catch (error) {
      this.end(job, error as Error);
    }
  }

  private end(job: Job, error: Error | null): void {
    this.jobs.shift();
    if (error !== null) job.fail(error);
    job.over();
    const next = this.jobs[0];
    if (next !== undefined) this.advance(next); // its native part starts at once
  }
}
