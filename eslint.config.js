import js from '@eslint/js';
import tseslint from 'typescript-eslint';

// Which folder of lib/ may import which: values flow nn/optim/training -> numpy/random -> core -> backends, and never back.
const layers = {
  backends: ['numpy', 'random', 'nn', 'optim', 'training'],
  core: ['numpy', 'random', 'nn', 'optim', 'training'],
  numpy: ['nn', 'optim', 'training'],
  random: ['nn', 'optim', 'training'],
  nn: ['optim', 'training'],
  optim: ['nn', 'training'],
};

export default tseslint.config(
  { ignores: ['dist/', 'build/', 'node_modules/', 'out/', 'native/', 'prebuilds/', '.cache/'] },
  js.configs.recommended,
  { files: ['**/*.ts'], extends: [tseslint.configs.recommendedTypeChecked], languageOptions: { parserOptions: { projectService: true } } },
  {
    files: ['**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off', // indexing a shape within its rank
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': 'off', // messages name tensors, shapes and avals through toString
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/unbound-method': 'off', // apply and init are bound by construction
    },
  },
  {
    files: ['test/**/*.ts'], // golden files and module variables have no type
    rules: Object.fromEntries(
      ['argument', 'assignment', 'call', 'member-access', 'return'].map((what) => [`@typescript-eslint/no-unsafe-${what}`, 'off']),
    ),
  },
  {
    files: ['lib/**/*.ts'],
    ignores: ['lib/backends/package.ts', 'lib/cli/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'MetaProperty[meta.name="import"]',
          message: 'The CommonJS build has no import.meta; use `load` of backends/package.ts.',
        },
      ],
    },
  },
  {
    files: ['**/*.cjs'],
    languageOptions: {
      sourceType: 'commonjs',
      globals: { __dirname: 'readonly', require: 'readonly', process: 'readonly', console: 'readonly' },
    },
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        Buffer: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
      },
    },
  },
  ...Object.entries(layers).map(([layer, forbidden]) => ({
    files: [`lib/${layer}/**/*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: forbidden.map((f) => `**/${f}/**`), message: `lib/${layer} must not import upward.` }] },
      ],
    },
  })),
);
