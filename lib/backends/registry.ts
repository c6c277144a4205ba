/** The kinds of backend, best first, and which of them a program gets. */
import { BackendError, UnavailableError } from '../core/errors.js';
import type { Backend } from './backend.js';

export type Factory = () => Backend;

/** A kind of backend. */
export interface Kind {
  /** Opens it; throws an UnavailableError where this machine or this install lacks what it takes. */
  readonly open: Factory;
  /** Throws what `open` would for want of something, without the cost of opening; absent where opening is cheap. */
  readonly check?: () => void;
}

/** Whether a kind of backend can run here; if not, why not and what to do about it. */
export interface Availability {
  readonly name: string;
  readonly available: boolean;
  readonly why?: string;
  readonly mend?: string;
}

export interface Choice {
  readonly backend: Backend;
  readonly reason: string;
}

export class Registry {
  private readonly opened = new Map<string, Backend>();
  private readonly missing = new Map<string, UnavailableError>();
  private readonly kinds: Map<string, Kind>;
  private readonly automatic: readonly string[];

  /** `kinds` are those to try when nobody asked for one, best first; `notice` tells people about a fallback. */
  constructor(
    kinds: Readonly<Record<string, Kind>>,
    private readonly notice: (line: string) => void,
  ) {
    this.kinds = new Map(Object.entries(kinds));
    this.automatic = Object.keys(kinds);
  }

  /** Adds a kind that only those who ask for it get, or replaces one. */
  add(name: string, kind: Kind): void {
    this.kinds.set(name, kind);
    this.opened.delete(name);
    this.missing.delete(name);
  }

  /** The backend `name`, opened once. */
  get(name: string): Backend {
    let backend = this.opened.get(name);
    if (backend === undefined) {
      const kind = this.kinds.get(name);
      if (kind === undefined) throw new BackendError(`there is no backend "${name}": choose one of ${[...this.kinds.keys()].join(', ')}`);
      backend = kind.open();
      this.opened.set(name, backend);
      this.missing.delete(name);
    }
    return backend;
  }

  /** The best that can run here. A wrong setting is an error and no reason to take the next. */
  best(): Choice {
    const failed: [name: string, error: UnavailableError][] = [];
    for (const name of this.automatic) {
      try {
        const backend = this.get(name);
        // CUDA is an extra: only who expected the C++ kernels and does not get them needs to be told.
        const lost = failed.find(([other]) => other === 'cpu');
        if (lost) this.notice(`flaxen: the C++ kernels cannot run (${lost[1].why}), so "${name}" does. ${lost[1].mend}`);
        const reason = failed.map(([other, error]) => `${other} cannot (${error.why})`).join(', ');
        return { backend, reason: reason ? `the best that can run here: ${reason}` : 'the best there is' };
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error;
        this.missing.set(name, error);
        failed.push([name, error]);
      }
    }
    const mends = failed.filter(([name]) => name !== 'cuda').map(([name, error]) => `\n  ${name}: ${error.why}. ${error.mend}`);
    throw new BackendError(`no backend can run here; one of these mends it:${mends.join('')}`);
  }

  /** What can run here, of the kinds that are chosen automatically. */
  availability(): Availability[] {
    return this.automatic.map((name) => {
      const error = this.obstacle(name);
      return error === null ? { name, available: true } : { name, available: false, why: error.why, mend: error.mend };
    });
  }

  /** Why `name` cannot run, or null. */
  private obstacle(name: string): UnavailableError | null {
    if (this.opened.has(name)) return null;
    let error = this.missing.get(name) ?? null;
    if (error === null) {
      try {
        const kind = this.kinds.get(name)!;
        if (kind.check) kind.check();
        else this.get(name);
      } catch (cause) {
        error = cause instanceof UnavailableError ? cause : new UnavailableError((cause as Error).message, 'Mend the setting.');
        this.missing.set(name, error);
      }
    }
    return error;
  }
}
