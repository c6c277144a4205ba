/** The table that `tabulate` prints. */
import { Tensor } from '../core/tensor.js';
import { leaves, map } from '../core/tree.js';
import type { CallRecord } from './binding.js';

type Tree = Record<string, unknown>;

/** Shapes in place of tensors: "float32[1, 3]", or JSON for trees. */
function describe(value: unknown): string {
  if (value instanceof Tensor) return String(value.aval);
  if (Array.isArray(value)) return `[${value.map(describe).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(map(String as (leaf: never) => string, value))
      .map(([k, v]) => `${k}: ${String(v)}`)
      .join(', ')}}`;
  }
  return String(value);
}

const bytesOf = (t: Tensor): number => t.size * (t.dtype === 'bool' ? 1 : 4);

function total(tensors: readonly Tensor[]): string {
  const count = tensors.reduce((n, t) => n + t.size, 0);
  const bytes = tensors.reduce((n, t) => n + bytesOf(t), 0);
  return `${count.toLocaleString('en-US')} (${formatBytes(bytes)})`;
}

function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let unit = 0;
  for (; bytes >= 1000 && unit < units.length - 1; unit++) bytes /= 1000;
  return `${Number(bytes.toFixed(1))} ${units[unit]}`;
}

/** The variables of a collection that belong to the module at `path` itself. */
function own(collection: unknown, path: readonly string[]): [string, Tensor][] {
  let at = collection;
  for (const name of path) at = (at as Tree | undefined)?.[name];
  return Object.entries((at ?? {}) as Tree).filter((entry): entry is [string, Tensor] => entry[1] instanceof Tensor);
}

/** One row a module call, in order, a column a collection, the totals below. */
export function formatTable(module: string, calls: readonly CallRecord[], variables: Tree): string {
  const collections = Object.keys(variables);
  const seen = new Set<string>();
  const rows = calls.map(({ scope, method, args, output }) => {
    const path = scope.path.join('/');
    const again = seen.has(path); // shared parameters are listed once
    seen.add(path);
    const cells = collections.map((name) => {
      const entries = again ? [] : own(variables[name], scope.path);
      const lines = entries.map(([key, t]) => `${key}: ${t.aval}`);
      return entries.length === 0 ? [''] : [...lines, total(entries.map(([, t]) => t))];
    });
    const type = method === '__call__' ? scope.module : `${scope.module}.${method}`;
    return [[path], [type], args.map(describe), [describe(output)], ...cells];
  });
  const tensors = (tree: unknown) => leaves(tree).filter((leaf): leaf is Tensor => leaf instanceof Tensor);
  const footer = [[''], [''], [''], ['Total'], ...collections.map((name) => [total(tensors(variables[name]))])];
  const header = [['path'], ['module'], ['inputs'], ['outputs'], ...collections.map((name) => [name])];
  const all = [header, ...rows, footer];
  const widths = header.map((_, i) => Math.max(...all.flatMap((row) => row[i]!.map((line) => line.length))));

  const rule = (left: string, middle: string, right: string, dash: string) =>
    left + widths.map((w) => dash.repeat(w + 2)).join(middle) + right;
  const lines = (row: string[][]) =>
    Array.from(
      { length: Math.max(1, ...row.map((cell) => cell.length)) },
      (_, k) => `│${row.map((cell, i) => ` ${(cell[k] ?? '').padEnd(widths[i]!)} `).join('│')}│`,
    );
  const body = [...rows, footer].flatMap((row) => [rule('├', '┼', '┤', '─'), ...lines(row)]);
  return [
    `${module} summary`,
    rule('┌', '┬', '┐', '─'),
    ...lines(header),
    ...body,
    rule('└', '┴', '┘', '─'),
    `Total variables: ${total(tensors(variables))}`,
    '',
  ].join('\n');
}
