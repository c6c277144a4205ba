// npm run test:gpu [-- family...]: builds native/test/gpu for the cards that are here, runs it, and runs it again under compute-sanitizer's
// checks where that is on PATH. Exit status 77 where there is no card.
import { spawnSync } from 'node:child_process';
import { buildProgram, findCards, NO_CARD } from './card.mjs';
import { run, step } from '../run.mjs';

const { cards, reason } = findCards();
if (cards.length === 0) {
  console.log(`no GPU here: ${reason}; npm run test:gpu needs an NVIDIA card and its driver`);
  process.exit(NO_CARD);
}
for (const card of cards) console.log(card);

const program = buildProgram('flaxen_gpu_test');
if (program === null) process.exit(1);
const families = process.argv.slice(2);
let status = step('correctness', () => run(program, families));
if (status === 0) {
  if (spawnSync('compute-sanitizer', ['--version']).status === 0) {
    for (const tool of ['memcheck', 'racecheck', 'initcheck', 'synccheck']) {
      status ||= step(`compute-sanitizer ${tool}`, () =>
        run('compute-sanitizer', ['--tool', tool, '--error-exitcode', '1', program, ...families]),
      );
    }
  } else {
    console.log('compute-sanitizer is not on PATH: its checks were not run');
  }
}
process.exit(status);
