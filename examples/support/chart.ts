/** Line charts as SVG in an HTML page, without a library. */

export interface Series {
  readonly name: string;
  readonly color: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Panel {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
}

const WIDTH = 560;
const HEIGHT = 340;
const MARGIN = { left: 58, right: 16, top: 56, bottom: 46 };

const escape = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** Round numbers that cover [low, high] in about five steps. */
function ticks(low: number, high: number): number[] {
  const raw = (high - low || 1) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= raw)!;
  const out: number[] = [];
  for (let t = Math.ceil(low / step); t * step <= high + step * 1e-9; t++) out.push(Number((t * step).toPrecision(12)));
  return out;
}

function panelSvg({ title, xLabel, yLabel, series }: Panel): string {
  const all = series.flatMap((s) => s.points);
  const xs = all.map((p) => p[0]);
  const ys = all.map((p) => p[1]);
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  const pad = (Math.max(...ys) - Math.min(...ys)) * 0.06 || 0.5;
  const [y0, y1] = [Math.min(...ys) - pad, Math.max(...ys) + pad];
  const px = (x: number) => MARGIN.left + ((x - x0) / (x1 - x0 || 1)) * (WIDTH - MARGIN.left - MARGIN.right);
  const py = (y: number) => HEIGHT - MARGIN.bottom - ((y - y0) / (y1 - y0)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const parts = [`<text x="${WIDTH / 2}" y="20" text-anchor="middle" class="title">${escape(title)}</text>`];
  for (const t of ticks(y0, y1)) {
    parts.push(`<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${py(t)}" y2="${py(t)}" class="grid"/>`);
    parts.push(`<text x="${MARGIN.left - 6}" y="${py(t) + 4}" text-anchor="end">${t}</text>`);
  }
  for (const t of ticks(x0, x1)) parts.push(`<text x="${px(t)}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${t}</text>`);
  parts.push(`<text x="${WIDTH / 2}" y="${HEIGHT - 8}" text-anchor="middle">${escape(xLabel)}</text>`);
  parts.push(`<text transform="translate(14 ${HEIGHT / 2}) rotate(-90)" text-anchor="middle">${escape(yLabel)}</text>`);
  series.forEach((s, i) => {
    parts.push(
      `<polyline points="${s.points.map(([x, y]) => `${px(x).toFixed(1)},${py(y).toFixed(1)}`).join(' ')}" fill="none" stroke="${s.color}" stroke-width="2"/>`,
    );
    if (s.points.length <= 30)
      for (const [x, y] of s.points) parts.push(`<circle cx="${px(x).toFixed(1)}" cy="${py(y).toFixed(1)}" r="3.5" fill="${s.color}"/>`);
    const lx = WIDTH / 2 + (i - series.length / 2) * 150; // the legend stands above the plot, where no curve runs
    parts.push(
      `<line x1="${lx}" x2="${lx + 24}" y1="40" y2="40" stroke="${s.color}" stroke-width="3"/><text x="${lx + 30}" y="44">${escape(s.name)}</text>`,
    );
  });
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${escape(title)}">${parts.join('')}</svg>`;
}

/** A page with the panels side by side, and a table under them. */
export function page(title: string, panels: readonly Panel[], table: readonly (readonly string[])[]): string {
  const [head, ...rows] = table;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title><style>
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1180px; margin: 2rem auto; padding: 0 1rem; }
.panels { display: flex; flex-wrap: wrap; gap: 1rem; } .panels svg { flex: 1 1 480px; border: 1px solid #ddd; border-radius: 6px; }
svg text { font: 12px system-ui, sans-serif; fill: #444; } svg .title { font-size: 15px; font-weight: 600; fill: #111; } svg .grid { stroke: #e5e5e5; }
table { border-collapse: collapse; margin-top: 1.5rem; } td, th { padding: .3rem 1rem; border-bottom: 1px solid #ddd; text-align: right; } td:first-child, th:first-child { text-align: left; }
</style></head><body><h1>${escape(title)}</h1><div class="panels">${panels.map(panelSvg).join('\n')}</div>
<table><tr>${(head ?? []).map((h) => `<th>${escape(h)}</th>`).join('')}</tr>${rows.map((r) => `<tr>${r.map((c) => `<td>${escape(c)}</td>`).join('')}</tr>`).join('')}</table>
</body></html>
`;
}
