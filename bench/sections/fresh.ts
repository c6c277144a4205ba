/** What only a fresh process tells: the first call of a train step, and the most memory that training took. */
import { columnsOf, start, type Column, type Context } from '../harness/context.js';
import { withoutCaches } from '../harness/peers.js';
import type { Cell, Row, Section } from '../harness/results.js';
import type { Job, Peer } from '../harness/peer.js';
import type { MlpCase } from '../harness/cases.js';

const MEMORY_STEPS_MS = 500;

/** A table of one number a fresh process, medians over several processes of each column in turn. */
async function fresh(
  context: Context,
  id: string,
  columns: readonly Column[],
  processes: (column: Column) => number,
  measure: (peer: Peer, job: Job) => Promise<number | null>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const c of context.cases) {
    const found = new Map<string, number[]>();
    const cells: Record<string, Cell> = {};
    for (let round = 0; round < Math.max(...columns.map(processes)); round++) {
      for (const column of columns) {
        if (round >= processes(column) || cells[column.key]) continue;
        context.progress(`${id}: ${c.name}, ${column.title}, process ${round + 1}`);
        try {
          const value = await once(context, column, c, measure);
          if (value === null) cells[column.key] = { missing: 'this system does not tell' };
          else found.set(column.key, [...(found.get(column.key) ?? []), value]);
        } catch (e) {
          cells[column.key] = { missing: (e as Error).message };
        }
      }
    }
    for (const [key, values] of found) cells[key] ??= { value: values.sort((a, b) => a - b)[values.length >> 1]! };
    rows.push({ name: c.name, cells });
  }
  return rows;
}

async function once(
  context: Context,
  column: Column,
  c: MlpCase,
  measure: (peer: Peer, job: Job) => Promise<number | null>,
): Promise<number | null> {
  const peer = await start(context, column.spec);
  try {
    return await measure(peer, await peer.open({ kind: 'train', case: c }));
  } finally {
    await peer.stop();
  }
}

const titles = (columns: readonly Column[]): Section['columns'] => columns.map(({ key, title }) => ({ key, title }));

export async function firstCall(context: Context): Promise<Section> {
  const ids = ['flaxen', 'flax', 'torch', ...(context.quick ? [] : ['torch-compile']), 'tfjs'];
  const columns = columnsOf(context, ids).map((c) => ({ ...c, spec: withoutCaches(c.spec) }));
  const processes = ({ key }: Column): number => (context.quick || key === 'torch-compile' ? 1 : 3);
  const rows = await fresh(context, 'first', columns, processes, (_, job) => Promise.resolve(job.opened.firstMs));
  return { id: 'first', title: 'First train step in a process with its state made: trace, gradient, compile, run', unit: 'ms', columns: titles(columns), rows }; // prettier-ignore
}

export async function memory(context: Context): Promise<Section> {
  const columns = columnsOf(context, ['flaxen', 'flax', 'torch', 'tfjs']);
  const rows = await fresh(
    context,
    'memory',
    columns,
    () => 1,
    async (peer, job) => {
      for (let ms = 0; ms < MEMORY_STEPS_MS;) ms += (await job.run(10)).ms;
      const { peak } = await peer.memory();
      return peak === null ? null : peak / 2 ** 20;
    },
  );
  return { id: 'memory', title: 'Most resident memory of a process that trains', unit: 'MiB', columns: titles(columns), rows };
}
