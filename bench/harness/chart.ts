/** The train steps as an SVG, light or dark as the reader's system is: for each case one bar a peer, on a logarithmic axis of how many times longer than flaxen it takes. */
import { mlpCases } from './cases.js';
import { digits } from './report.js';
import { valueOf, type Report, type Row } from './results.js';

const SHOWN = ['flaxen', 'torch-compile', 'flax', 'torch', 'tfjs'];
const COLORS: Record<string, string> = {
  flaxen: '#1f8fd6',
  flax: '#e69f00',
  torch: '#d55e00',
  'torch-compile': '#cc79a7',
  tfjs: '#8c8c8c',
};
// An image cannot ask the page for its colours, so it brings a background of its own.
const STYLE = `
.back { fill: #ffffff } .line { stroke: #d0d7de } .strong { fill: #1f2328 } .text { fill: #424a53 } .weak { fill: #6e7781 }
.label { fill: #424a53; stroke: #ffffff; stroke-width: 3px; paint-order: stroke }
@media (prefers-color-scheme: dark) {
  .back { fill: #0d1117 } .line { stroke: #30363d } .strong { fill: #f0f6fc } .text { fill: #c9d1d9 } .weak { fill: #9198a1 }
  .label { fill: #c9d1d9; stroke: #0d1117 }
}`;
const WIDTH = 900;
const LEFT = 205;
const RIGHT = 215;
const BAR = 15;
const GAP = 3;
const GROUP_GAP = 16;
const TOP = 74;

const escape = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const duration = (ms: number): string => (ms < 1 ? `${digits(ms * 1e3)} µs` : `${digits(ms)} ms`);

export function chart(report: Report): string | null {
  const section = report.sections.find((s) => s.id === 'train');
  const rows = section?.rows.filter((r) => valueOf(r.cells.flaxen) !== null) ?? [];
  if (!section || rows.length === 0) return null;
  const columns = section.columns.filter((c) => SHOWN.includes(c.key));
  const ratios = rows.flatMap((r) => columns.map((c) => valueOf(r.cells[c.key])! / valueOf(r.cells.flaxen)!)).filter(Number.isFinite);
  const low = Math.min(...ratios, 1) * 0.8;
  const decades = Math.log10(Math.max(...ratios, 10) / low);
  const x = (ratio: number): number => LEFT + (Math.log10(ratio / low) / decades) * (WIDTH - LEFT - RIGHT);

  const parts: string[] = [];
  let y = TOP;
  for (const row of rows) {
    const group = groupOf(row, columns, x, y);
    parts.push(...group.parts);
    y = group.end + GROUP_GAP;
  }
  const ticks = [1, 10, 100, 1000].filter((t) => t >= low && x(t) <= WIDTH - RIGHT);
  const axis = ticks.map(
    (t) =>
      `<line class="line" x1="${x(t).toFixed(1)}" y1="${TOP - 8}" x2="${x(t).toFixed(1)}" y2="${y}"/>` +
      `<text class="weak" x="${x(t).toFixed(1)}" y="${y + 14}" text-anchor="middle">${t}×</text>`,
  );
  const { machine, threads } = report;
  const height = y + 44;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="Time of one train step, relative to flaxen">`,
    `<style>${STYLE}</style>`,
    `<rect class="back" width="100%" height="100%" rx="6"/>`,
    `<text class="strong" x="20" y="28" font-size="17" font-weight="600">Time of one train step, relative to flaxen</text>`,
    `<text class="text" x="20" y="47">Dense, batch norm, relu ... Dense with Adam; shorter is faster, logarithmic axis</text>`,
    ...axis,
    ...parts,
    `<text class="weak" x="20" y="${height - 10}">${escape(`${machine.cpu}, ${threads} threads, ${report.date.slice(0, 10)}; medians of ${report.pace.rounds} interleaved rounds`)}</text>`,
    '</svg>\n',
  ].join('\n');
}

function groupOf(row: Row, columns: readonly { key: string; title: string }[], x: (ratio: number) => number, top: number) {
  const mine = valueOf(row.cells.flaxen)!;
  const present = columns.filter((c) => valueOf(row.cells[c.key]) !== null);
  const parts: string[] = [];
  let y = top;
  for (const { key, title } of present) {
    const value = valueOf(row.cells[key])!;
    const end = x(value / mine);
    parts.push(
      `<rect x="${LEFT}" y="${y}" width="${Math.max(1, end - LEFT).toFixed(1)}" height="${BAR}" rx="2" fill="${COLORS[key]}"/>`,
      `<text class="label" x="${(Math.max(LEFT, end) + 6).toFixed(1)}" y="${y + BAR - 3}">${escape(`${title} ${duration(value)}${key === 'flaxen' ? '' : ` (${digits(value / mine)}×)`}`)}</text>`,
    );
    y += BAR + GAP;
  }
  const middle = (top + y) / 2;
  const shape = mlpCases.find((c) => c.name === row.name);
  parts.unshift(
    `<text class="strong" x="20" y="${middle - 4}" font-weight="600">${escape(row.name)}</text>`,
    `<text class="weak" x="20" y="${middle + 11}">${shape ? escape(`${shape.batch} × ${[shape.input, ...shape.widths].join('-')}`) : ''}</text>`,
  );
  return { parts, end: y };
}
