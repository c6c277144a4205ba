import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// The tests of the package that npm packs. They share one installation, so one process runs them.
export default defineConfig({
  resolve: { alias: { flaxen: fileURLToPath(new URL('./lib/index.ts', import.meta.url)) } },
  test: { include: ['test/package/**/*.check.ts'], globalSetup: ['test/package/setup.ts'], fileParallelism: false, testTimeout: 120_000 },
});
