import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { findCards, NO_CARD } from '../../scripts/gpu/card.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

// On a machine with a card they would test and measure it.
describe.skipIf(findCards().cards.length > 0)('without a card', () => {
  for (const script of ['test:gpu', 'bench:gpu']) {
    it(`npm run ${script} says so in one line and ends with a status of its own`, () => {
      const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', script], { cwd: root, encoding: 'utf8' });
      expect(stderr).toBe('');
      expect(stdout).toMatch(/^no GPU here: .+; npm run \S+ needs an NVIDIA card and its driver\n$/);
      expect(stdout).toContain(`npm run ${script}`);
      expect(status).toBe(NO_CARD);
      expect(NO_CARD).toBe(77);
    });
  }
});
