import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { alias: { flaxen: fileURLToPath(new URL('./lib/index.ts', import.meta.url)) } },
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/setup.ts'],
    pool: 'forks',
    env: { FLAXEN_TFJS_SESSION: 'required' }, // on tfjs a program that TensorFlow refuses as a session must fail its test, not only run slower
    testTimeout: 60_000,
    experimental: { fsModuleCache: true }, // verify runs the same files a dozen times; known by their contents, they are translated once
  },
});
