// npm run dev: builds what a saved file belongs to and runs the tests that it concerns, until Ctrl-C.
// Arguments name test files to run instead: npm run dev -- test/nn
import { atStart, commandsFor } from './dev/commands.mjs';
import { loop } from './dev/loop.mjs';
import { install, root, step } from './run.mjs';

const chosen = process.argv.slice(2);
if (step('install dependencies', install) !== 0) process.exit(1);
await loop({
  root,
  folders: ['native', 'lib', 'test'],
  pattern: /\.(ts|cc|h|inc|cmake|txt|json)$/,
  first: atStart,
  commandsFor: (files) => commandsFor(files, chosen),
});
