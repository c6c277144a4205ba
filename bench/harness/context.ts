/** What sections share: the peers, started when first needed, and one way to fill a table with interleaved timings. */
import type { JobRequest, MlpCase, Work } from './cases.js';
import { interleave, type Pace } from './interleave.js';
import { Peer, type Job, type PeerSpec } from './peer.js';
import type { Cell, Row, Section } from './results.js';

export interface Context {
  readonly cases: readonly MlpCase[];
  readonly pace: Pace;
  readonly threads: number | null;
  readonly quick: boolean;
  /** Those that the command line leaves in. */
  readonly peers: readonly PeerSpec[];
  /** What each peer that ran said it is. */
  readonly versions: Map<string, string>;
  progress(text: string): void;
}

/** A column of a table: who runs it. */
export interface Column {
  readonly key: string;
  readonly title: string;
  readonly spec: PeerSpec;
}

export const columnsOf = (context: Context, ids: readonly string[]): Column[] =>
  ids.flatMap((id) => context.peers.filter((p) => p.id === id).map((spec) => ({ key: id, title: spec.title, spec })));

/** Starts a peer and notes what it says it is. */
export async function start(context: Context, spec: PeerSpec): Promise<Peer> {
  if (spec.absent !== null) throw new Error(spec.absent);
  const peer = await Peer.start(spec);
  context.versions.set(spec.id, peer.version);
  return peer;
}

export interface RowPlan {
  readonly name: string;
  readonly work?: Work;
  /** What each column does; a column without an entry is left empty. */
  readonly requests: Readonly<Record<string, JobRequest>>;
}

/** Runs the rows one after the other, the columns of each in interleaved rounds. */
export async function compare(
  context: Context,
  { id, title, columns, rows }: { id: string; title: string; columns: readonly Column[]; rows: readonly RowPlan[] },
): Promise<Section> {
  const running = new Map<PeerSpec, Promise<Peer>>();
  const peerOf = (spec: PeerSpec): Promise<Peer> => {
    let peer = running.get(spec);
    if (!peer) running.set(spec, (peer = start(context, spec)));
    return peer;
  };
  const finished: Row[] = [];
  try {
    for (const { name, work, requests } of rows) {
      const jobs = new Map<string, Job>();
      const cells: Record<string, Cell> = {};
      for (const { key, title: who, spec } of columns) {
        const request = requests[key];
        if (!request) continue;
        context.progress(`${id}: ${name}, ${who} gets ready`);
        try {
          jobs.set(key, await (await peerOf(spec)).open(request));
        } catch (e) {
          cells[key] = { missing: (e as Error).message };
        }
      }
      context.progress(`${id}: ${name}, ${context.pace.rounds} rounds of ${jobs.size}`);
      for (const [key, timing] of await interleave(jobs, context.pace)) {
        cells[key] = Number.isFinite(timing.value)
          ? { value: timing.median, timing, firstLoss: jobs.get(key)!.opened.value }
          : { missing: `its loss became ${timing.value}: a time without a result counts for nothing` };
      }
      for (const job of jobs.values()) await job.close();
      finished.push({
        name,
        cells,
        ...(work && { work }),
      });
    }
  } finally {
    for (const peer of running.values()) await (await peer.catch(() => null))?.stop();
  }
  return { id, title, unit: 'ms', columns: columns.map(({ key, title }) => ({ key, title })), rows: finished };
}
