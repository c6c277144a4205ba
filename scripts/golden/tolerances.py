"""test/golden/tolerances_golden.json, from the comparisons that make_golden.py --x64, --eager and --reorder left in out/.

For each case S is the largest difference relative to max(1, the array's scale), nrel the largest relative to the scale itself; T and R are four times these,
rounded up to one digit, at least 1e-6. Training runs take the largest of the three comparisons. Arrays whose exact value is 0 (scale below 1e-9 in float64)
are noise and left out.
"""
import json
import math
import os

HERE = os.path.dirname(os.path.abspath(__file__))
MODES = ['x64', 'eager', 'reorder']
NOISE = 1e-9
LOOSE = 0.1
SKIPPED = {'final_step', 'smallest_top2_logit_gap', 'smallest_label_margin'}


def load(mode):
  with open(os.path.join(HERE, f'out/tolerances_{mode}.json')) as f:
    return json.load(f)


def case_of(file, path):
  parts = path.strip('/').split('/')
  return '/'.join(parts[:2]) if file == 'train_from_seeds' and parts[0] == 'trajectory' else parts[0]


def round_up(x):
  if x <= 1e-6:
    return 1e-6
  unit = 10.0 ** math.floor(math.log10(x))
  return math.ceil(x / unit - 1e-9) * unit


def measure(exact, others):
  """exact: path -> row of the float64 comparison; others: the same of the two float32 ones."""
  noise = [p for p, r in exact.items() if r.get('scale', 1) < NOISE and r.get('abs', 0) > 0]
  rows = [(p, r) for rows in [exact, *others] for p, r in rows.items() if 'abs' in r and p not in noise]
  s = max((r['abs'] / max(1, r['scale']) for _, r in rows), default=0.0)
  nrel = max((r['nrel'] for _, r in rows), default=0.0)
  t = round_up(4 * s)
  return {
    'n': sum(r['n'] for r in exact.values()),
    'scale': max((r['scale'] for r in exact.values() if 'scale' in r), default=0.0),
    'abs': max((r['abs'] for _, r in rows), default=0.0),
    'S': s, 'nrel': nrel, 'T': t, 'R': round_up(4 * nrel), 'loose': t >= LOOSE, 'noise_arrays': noise,
    'exact_mismatch': sum(r.get('int_mismatch', 0) for r in exact.values()),
  }


def main():
  x64, *others = [load(mode) for mode in MODES]
  table = {}
  for file, rows in x64.items():
    cases = {}
    for path in rows:
      case = case_of(file, path)
      if case.split('/')[-1] not in SKIPPED and 'value_mismatch' not in rows[path]:
        cases.setdefault(case, None)
    for case in cases:
      pick = lambda rows: {p: r for p, r in rows.items() if case_of(file, p) == case}
      cases[case] = measure(pick(rows), [pick(other.get(file, {})) for other in others])
    table[file] = cases
  with open(os.path.join(HERE, '../../test/golden/tolerances_golden.json'), 'w') as f:
    json.dump(table, f, indent=0)


if __name__ == '__main__':
  main()
