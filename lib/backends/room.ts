/**
 * Room for large arrays. Linux hands out more memory than there is and ends the process that uses it, and V8 may leave dead arrays of gigabytes uncollected
 * while new ones are made: so an array that is large asks first.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const LARGE = 2 ** 30;
const GIB = 2 ** 30;

/** What the machine, or the container, can still give. */
const availableMemory = (): number => process.availableMemory();

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect(); // the memory of arrays is given back in the background; a second collection waits for that
}

/** What a room asks of the backend around it, and of the system. */
export interface Surroundings {
  /** The number of the run that is being prepared. */
  run(): number;
  /** True if no run is queued. */
  idle(): boolean;
  /** Waits for all queued runs. */
  settle(): void;
  available?(): number;
  collect?(): void;
}

export class Room {
  /** Large arrays that their runs may not have written yet; the system does not count such memory as used. */
  private promised: { run: number; bytes: number }[] = [];

  constructor(private readonly around: Surroundings) {}

  /** Throws RangeError if there is no room for an array of so many bytes. */
  take(bytes: number): void {
    if (bytes < LARGE) return;
    const { around } = this;
    const { available = availableMemory, collect = collectGarbage } = around;
    const run = around.run();
    const forget = (): void => void (this.promised = this.promised.filter((p) => p.run === run));
    const left = (): number => this.promised.reduce((n, p) => n - p.bytes, available());
    if (around.idle()) forget();
    if (bytes > left()) {
      around.settle();
      forget();
      collect();
      if (bytes > left())
        throw new RangeError(`${(bytes / GIB).toFixed(1)} GiB are wanted and ${(Math.max(0, left()) / GIB).toFixed(1)} GiB are left`);
    }
    this.promised.push({ run, bytes });
  }
}
