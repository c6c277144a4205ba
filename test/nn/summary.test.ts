/** The table of tabulate. */
import { expect, it } from 'vitest';
import { nn, type Tensor } from 'flaxen';
import { MLP_BN } from './models.js';
import { key, ones } from './support.js';

it('tabulate lists every call with its variables, without computing anything', () => {
  expect(MLP_BN().tabulate(key(0), ones(1, 3), { train: false })).toBe(
    `MLP_BN summary
┌─────────────┬───────────┬────────────────┬───────────────┬───────────────────────┬──────────────────┐
│ path        │ module    │ inputs         │ outputs       │ params                │ batch_stats      │
├─────────────┼───────────┼────────────────┼───────────────┼───────────────────────┼──────────────────┤
│             │ MLP_BN    │ float32[1, 3]  │ float32[1, 1] │                       │                  │
│             │           │ {train: false} │               │                       │                  │
├─────────────┼───────────┼────────────────┼───────────────┼───────────────────────┼──────────────────┤
│ Dense_0     │ Dense     │ float32[1, 3]  │ float32[1, 4] │ kernel: float32[3, 4] │                  │
│             │           │                │               │ bias: float32[4]      │                  │
│             │           │                │               │ 16 (64 B)             │                  │
├─────────────┼───────────┼────────────────┼───────────────┼───────────────────────┼──────────────────┤
│ BatchNorm_0 │ BatchNorm │ float32[1, 4]  │ float32[1, 4] │ scale: float32[4]     │ mean: float32[4] │
│             │           │                │               │ bias: float32[4]      │ var: float32[4]  │
│             │           │                │               │ 8 (32 B)              │ 8 (32 B)         │
├─────────────┼───────────┼────────────────┼───────────────┼───────────────────────┼──────────────────┤
│ Dense_1     │ Dense     │ float32[1, 4]  │ float32[1, 1] │ kernel: float32[4, 1] │                  │
│             │           │                │               │ bias: float32[1]      │                  │
│             │           │                │               │ 5 (20 B)              │                  │
├─────────────┼───────────┼────────────────┼───────────────┼───────────────────────┼──────────────────┤
│             │           │                │ Total         │ 29 (116 B)            │ 8 (32 B)         │
└─────────────┴───────────┴────────────────┴───────────────┴───────────────────────┴──────────────────┘
Total variables: 37 (148 B)
`,
  );
});

it('lists shared parameters once, and methods by name', () => {
  const M = nn.module('M', () => {
    const shared = nn.Dense({ features: 3, name: 'shared' });
    return { __call__: (x: Tensor) => shared(x), twice: (x: Tensor) => shared(shared(x)) };
  });
  const table = M().tabulate(key(0), ones(1, 3), { method: 'twice' });
  expect(table).toContain('M.twice');
  expect(table.match(/kernel: float32\[3, 3\]/g)).toHaveLength(1);
  expect(table.match(/│ shared │/g)).toHaveLength(2);
  expect(table).toContain('Total variables: 12 (48 B)');
});
