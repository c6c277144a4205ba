/** Whether tfjs-node's kernels run here, found out in a process of its own: a broken native library takes its process down. */
import { spawnSync } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TfjsPackage } from '../../backends/tfjs_package.js';

export interface Probe {
  /** TensorFlow's version, or null where it does not run. */
  readonly tensorflow: string | null;
  /** What it said when it failed. */
  readonly why: string;
}

const script = fileURLToPath(new URL(`./probe_child${extname(import.meta.url)}`, import.meta.url));

/** Loads the package's binding and adds two numbers with it. */
export function probe({ binding }: TfjsPackage): Probe {
  const { status, stdout, stderr, signal } = spawnSync(process.execPath, [...process.execArgv, script, binding], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' },
  });
  const answer = /^TensorFlow (\S+)$/m.exec(stdout);
  if (status === 0 && answer) return { tensorflow: answer[1]!, why: '' };
  const lines = stderr.trim().split('\n');
  const why = lines.find((line) => /\bError\b/.test(line)) ?? lines.at(-1) ?? '';
  return { tensorflow: null, why: signal ? `killed by ${signal}` : why || `status ${status}` };
}
