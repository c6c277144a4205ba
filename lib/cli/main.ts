#!/usr/bin/env node
/** The `flaxen` command. */
import { parseArgs } from 'node:util';
import { FlaxenError } from '../core/errors.js';
import { examine } from './doctor.js';
import { render } from './doctor_text.js';
import { installTfjsNode } from './tfjs_node/install.js';

const USAGE = `flaxen doctor [--json]                      what is there, what will run programs, and what would improve it
flaxen install-tfjs-node [--from-wheel]     install tfjs-node's CPU kernels, the fallback and the source of primitives that the
                                            C++ kernels lack; --from-wheel leaves the package's own installer out`;

async function main(args: string[]): Promise<number> {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: 'boolean' }, 'from-wheel': { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  const [command, ...rest] = positionals;
  if (values.help || command === undefined) {
    console.log(USAGE);
    return values.help ? 0 : 1;
  }
  if (rest.length === 0 && command === 'install-tfjs-node') {
    await installTfjsNode({ folder: process.cwd(), fromWheel: values['from-wheel'] ?? false, say: (line) => console.log(line) });
    return 0;
  }
  if (rest.length === 0 && command === 'doctor') {
    const report = examine();
    console.log(values.json ? JSON.stringify(report, null, 2) : render(report, process.stdout.isTTY && !process.env.NO_COLOR));
    return 'error' in report.use ? 1 : 0;
  }
  console.error(`there is no command "${positionals.join(' ')}"\n${USAGE}`);
  return 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const expected = error instanceof FlaxenError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
  console.error(expected ? `flaxen: ${(error as Error).message}` : error);
  process.exitCode = 1;
}
