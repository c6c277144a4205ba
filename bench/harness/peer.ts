/** A peer: a child process that answers one JSON request a line, so that rounds of several peers can be interleaved. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { JobRequest } from './cases.js';

export interface PeerSpec {
  readonly id: string;
  /** What the tables call it. */
  readonly title: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Why it cannot run here, or null. */
  readonly absent: string | null;
}

export interface Memory {
  readonly resident: number | null;
  readonly peak: number | null;
}
export interface Opened {
  /** Milliseconds to build the data and the parameters. */
  readonly openMs: number;
  /** Milliseconds of the first step: trace, gradient, compile, run. */
  readonly firstMs: number;
  readonly value: number;
}

// A peer runs with its own defaults: settings of this shell that change how its threads or kernels are chosen do not reach it.
const STEERING = /^(OPENBLAS|NVPL_BLAS|OMP|GOMP|KMP|MKL|BLIS|GOTO|TF|XLA|JAX|TORCH|TORCHINDUCTOR|FLAXEN)_/;

/** The variables of this shell that peers do not see. */
export const hiddenVariables = (): string[] => Object.keys(process.env).filter((name) => STEERING.test(name));

const CAN_REST = process.platform !== 'win32';

export class PeerError extends Error {}

export class Peer {
  private readonly child: ChildProcess;
  private readonly waiting: { resolve: (line: Record<string, unknown>) => void; reject: (e: Error) => void }[] = [];
  private dead: Error | null = null;
  private jobs = 0;
  private stderr = '';

  private constructor(readonly spec: PeerSpec) {
    const env: Record<string, string | undefined> = { ...process.env };
    for (const name of hiddenVariables()) env[name] = undefined;
    const [command, ...args] = spec.command;
    this.child = spawn(command!, args, { env: { ...env, ...spec.env }, stdio: ['pipe', 'pipe', 'pipe'] });
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      this.waiting.shift()?.resolve(JSON.parse(line) as Record<string, unknown>);
    });
    this.child.stderr!.on('data', (chunk: Buffer) => (this.stderr = (this.stderr + chunk.toString()).slice(-4000)));
    this.child.stdin!.on('error', () => {}); // the exit below tells
    this.child.on('error', (e) => this.fail(e.message));
    this.child.on('close', (code, signal) => this.fail(`it ended (${signal ?? `status ${code}`}): ${lastLine(this.stderr)}`));
  }

  /** Starts the process; resolves when it is ready to answer. */
  static async start(spec: PeerSpec): Promise<Peer & { version: string }> {
    const peer = new Peer(spec);
    const hello = await peer.reply();
    peer.rest();
    return Object.assign(peer, { version: hello.version as string });
  }

  private fail(reason: string): void {
    this.dead ??= new PeerError(`${this.spec.title}: ${reason}`);
    for (const { reject } of this.waiting.splice(0)) reject(this.dead);
  }

  private async reply(): Promise<Record<string, unknown>> {
    const line = await new Promise<Record<string, unknown>>((resolve, reject) => {
      if (this.dead) reject(this.dead);
      else this.waiting.push({ resolve, reject });
    });
    if (typeof line.error === 'string') throw new PeerError(`${this.spec.title}: ${line.error}`);
    return line;
  }

  private async ask<T>(request: Record<string, unknown>): Promise<T> {
    this.wake();
    if (!this.dead) this.child.stdin!.write(`${JSON.stringify(request)}\n`);
    const answer = await this.reply();
    this.rest();
    return answer as T;
  }

  // A peer has the machine only while it answers: OpenBLAS's threads, for one, go on spinning for a tenth of a second when their work is done.
  private rest(): void {
    if (CAN_REST) this.child.kill('SIGSTOP');
  }
  private wake(): void {
    if (CAN_REST) this.child.kill('SIGCONT');
  }

  /** Makes a job ready and runs its first step. */
  async open(request: JobRequest): Promise<Job> {
    const id = ++this.jobs;
    const opened = await this.ask<Opened>({ op: 'open', id, ...request });
    return new Job(
      this,
      opened,
      (steps) => this.ask({ op: 'run', id, steps }),
      () => this.ask({ op: 'close', id }),
    );
  }

  memory(): Promise<Memory> {
    return this.ask({ op: 'memory' });
  }

  /** Ends the process. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('close', resolve));
    this.wake();
    this.child.stdin!.end();
    const late = setTimeout(() => this.child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(late);
  }
}

/** One thing that a peer does again and again. */
export class Job {
  constructor(
    readonly peer: Peer,
    readonly opened: Opened,
    /** Runs so many steps and waits for the last: milliseconds of all together, and the last loss. */
    readonly run: (steps: number) => Promise<{ ms: number; value: number }>,
    readonly close: () => Promise<unknown>,
  ) {}
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';
