/** The report as text. */
import { machineLine, type Peak } from './machine.js';
import { valueOf, type Cell, type Report, type Section, type Target } from './results.js';

const BUSY = 0.5; // processes ready to run, before the benchmark started any
const LEAST_FLOOR_MS = 1e-3; // below, calls cost more than arithmetic

/** Three significant digits: 0.00512, 0.178, 53.8, 1230. */
export function digits(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const places = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(6, places));
}

export function peakLine(peak: Peak | string, threads: number): string {
  if (typeof peak === 'string') return `machine limits not measured: ${peak}`;
  const copy = peak.copy.map((c) => `${c.bytes >= 2 ** 20 ? `${c.bytes >> 20} MiB` : `${c.bytes >> 10} KiB`} ${digits(c.gbs)}`).join(', ');
  return `FMA peak ${digits(peak.gflops1)} GFLOP/s on one thread, ${digits(peak.gflops)} on ${threads} (${peak.vectorBits}-bit vectors); copy GB/s: ${copy}`;
}

/** A mark behind a median whose middle half of rounds lies far apart: something else ran on the machine meanwhile. */
const UNSTEADY = 1.3;
function mark(cell: Cell | undefined): string {
  if (cell === undefined || !('value' in cell) || cell.timing === undefined) return '';
  const [low, high] = cell.timing.quartiles;
  return high / low > UNSTEADY ? '~' : '';
}

/** A table of medians; in parentheses the first column divided by this one. */
export function sectionText(section: Section): string {
  const [ours, ...others] = section.columns;
  if (!ours) return `${section.title}: no peer to run\n`;
  const rate = section.id === 'gemm';
  const floor = section.rows.some((r) => r.floor !== undefined);
  const head = ['', ...section.columns.map((c) => c.title), ...(rate ? ['GFLOP/s'] : []), ...(floor ? ['floor', 'of floor'] : [])];
  const lines = section.rows.map((row) => {
    const mine = valueOf(row.cells[ours.key]);
    const line = [row.name, mine === null ? '-' : digits(mine) + mark(row.cells[ours.key])];
    for (const { key } of others) {
      const theirs = valueOf(row.cells[key]);
      line.push(theirs === null ? '-' : `${digits(theirs)}${mark(row.cells[key])}${mine === null ? '' : ` (${digits(mine / theirs)})`}`);
    }
    if (rate) line.push(mine === null || row.work === undefined ? '-' : digits(row.work.flops / mine / 1e6));
    if (floor) {
      const told = row.floor !== undefined && row.floor >= LEAST_FLOOR_MS;
      line.push(told ? digits(row.floor) : '-');
      line.push(!told || mine === null ? '-' : `${((100 * row.floor) / mine).toFixed(0)}%`);
    }
    return line;
  });
  const unit = section.unit === 'ms' ? 'ms, median' : 'MiB';
  return `${section.title} (${unit}; in parentheses ${ours.title} / it)\n${table([head, ...lines])}\n${unsteady(section)}${sameStart(section)}${notes(section)}`;
}

const unsteady = ({ rows }: Section): string =>
  rows.some((r) => Object.values(r.cells).some((c) => mark(c) !== ''))
    ? `~ unsteady: the middle half of the rounds lies further apart than a factor of ${UNSTEADY}\n`
    : '';

/** flaxen and Flax start from the same seeds, so their first losses show that both ran the same model on the same data. */
function sameStart(section: Section): string {
  if (section.id !== 'train') return '';
  const pairs = section.rows.flatMap(({ name, cells: { flaxen, flax } }) =>
    flaxen && flax && 'value' in flaxen && 'value' in flax
      ? [`${name} ${flaxen.firstLoss?.toFixed(6)} and ${flax.firstLoss?.toFixed(6)}`]
      : [],
  );
  return pairs.length === 0 ? '' : `first loss of flaxen and of Flax, same seeds: ${pairs.join('; ')}\n`;
}

/** Why cells are empty. */
function notes(section: Section): string {
  const reasons = new Map<string, string[]>();
  for (const row of section.rows) {
    for (const { key, title } of section.columns) {
      const cell = row.cells[key];
      if (cell && 'missing' in cell) {
        const reason = `${title}: ${cell.missing.replace(`${title}: `, '')}`;
        reasons.set(reason, [...(reasons.get(reason) ?? []), row.name]);
      }
    }
  }
  return [...reasons]
    .map(([reason, rows]) => `  - ${reason}${rows.length < section.rows.length ? ` (${rows.join(', ')})` : ''}\n`)
    .join('');
}

export function table(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, c) => Math.max(...lines.map((l) => (l[c] ?? '').length)));
  return lines
    .map((l) =>
      l
        .map((text, c) => (c === 0 ? text.padEnd(widths[c]!) : text.padStart(widths[c]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function targetsText(list: readonly Target[], { load }: { readonly load: number }): string {
  if (list.length === 0) return '';
  const lines = list.map(({ what, measured, limit, unit }) => {
    const verdict = measured === null ? 'absent' : measured <= limit ? 'pass' : 'FAIL';
    return [verdict, what, measured === null ? '-' : digits(measured), `at most ${digits(limit)}${unit === 'ms' ? ' ms' : ''}`];
  });
  const met = list.filter((t) => t.measured !== null && t.measured <= t.limit).length;
  const measured = list.filter((t) => t.measured !== null).length;
  return `Targets\n${table(lines)}\n${met} of ${measured} measured targets met${load > BUSY ? ', on a busy machine, which proves nothing' : ''}\n`;
}

export function headText(report: Pick<Report, 'machine' | 'threads' | 'peak' | 'hiddenVariables'>): string {
  const { machine, threads, peak, hiddenVariables } = report;
  const lines = [machineLine(machine), peakLine(peak, threads)];
  if (hiddenVariables.length > 0) lines.push(`hidden from the peers: ${hiddenVariables.join(', ')}`);
  if (machine.load > 0.5)
    lines.push(`WARNING: the machine was busy before the benchmark began (load ${machine.load}); do not believe this run`);
  return `${lines.join('\n')}\n`;
}
