/** The doctor's report for people. */
import { styleText } from 'node:util';
import type { Found, Report } from './doctor.js';

type Style = Parameters<typeof styleText>[0];

/** The report as lines; `colour` where a terminal shows them. */
export function render(report: Report, colour: boolean): string {
  const paint = (style: Style, text: string): string => (colour ? styleText(style, text, { validateStream: false }) : text);
  const mark = (good: boolean): string => (good ? paint('green', '✓') : paint('yellow', '·'));
  const lines: string[] = [];
  const part = (good: boolean, name: string, ...texts: string[]): void => {
    texts.forEach((text, i) =>
      lines.push(i === 0 ? `  ${mark(good)} ${paint('bold', name.padEnd(11))} ${text}` : `${' '.repeat(16)}${text}`),
    );
  };
  const thing = <T>(name: string, item: Found<T>, describe: (item: T) => string[]): void =>
    item.found ? part(true, name, ...describe(item)) : part(false, name, item.why, ...(item.mend ? [paint('dim', item.mend)] : []));

  const { node, processor, cuda, use } = report;
  lines.push(`flaxen ${report.flaxen}`, '');
  part(true, 'Node', `${node.version} on ${node.platform} ${node.arch}${node.glibc ? `, glibc ${node.glibc}` : ''}`);
  part(
    true,
    'processor',
    `${processor.model}, ${processor.processors} usable`,
    processor.features.join(' ') || 'no vector instructions found',
  );
  thing('C++ kernels', report.addon, ({ isa, isas, threads, version }) => [
    `${version}: uses ${isa} of ${isas.join(', ')}; ${threads} thread${threads === 1 ? '' : 's'}`,
  ]);
  if (cuda.driver === null) part(false, 'CUDA driver', 'none (no libcuda.so.1)');
  else part(true, 'CUDA driver', `${cuda.driver.version ?? 'unknown version'}, ${cuda.driver.library}`, ...cuda.driver.devices);
  thing('CUDA library', cuda.library, ({ devices }) =>
    devices.map(
      ({ ordinal, name, capability, memory, driver }) =>
        `device ${ordinal}: ${name}, compute capability ${capability}, ${Math.round(memory / 2 ** 20)} MiB, driver for CUDA ${driver}`,
    ),
  );
  thing('tfjs-node', report.tfjs, ({ version, tensorflow, folder }) => [`${version} with TensorFlow ${tensorflow}`, paint('dim', folder)]);
  lines.push('');

  if ('error' in use) {
    if (report.asked === null) lines.push(paint('red', 'Nothing can run programs:'), use.error);
    else lines.push(`${paint('red', 'Programs cannot run')} as FLAXEN_BACKEND=${report.asked} asks:`, use.error, 'Without FLAXEN_BACKEND they get the best that can run here.'); // prettier-ignore
    return lines.join('\n');
  }
  lines.push(`Programs run on ${paint('bold', use.name)}: ${use.reason}.`);
  const better = improvements(report);
  if (better.length > 0) lines.push('', 'What would improve it:', ...better.map((line) => `  ${line}`));
  return lines.join('\n');
}

/** What to do to get more than there is, best first. */
export function improvements({ addon, cuda, tfjs }: Report): string[] {
  const lines: string[] = [];
  if (addon.found && cuda.driver !== null && !cuda.library.found) lines.push(`the GPU: ${cuda.library.why}. ${cuda.library.mend}`);
  if (!addon.found) lines.push(`the C++ kernels, which are the fastest here: ${addon.mend}`);
  if (!tfjs.found) lines.push(`tfjs-node, the fallback and the source of primitives that the C++ kernels lack: ${tfjs.mend}`);
  return lines;
}
