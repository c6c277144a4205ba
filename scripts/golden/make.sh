#!/usr/bin/env bash
# npm run golden: makes test/golden anew with the pinned versions of Flax, JAX and optax, in a virtual environment of its own.
set -euo pipefail
export PYTHONDONTWRITEBYTECODE=1
cd "$(dirname "$0")/../.."
environment=.cache/golden
[ -x "$environment/bin/python" ] || python3 -m venv "$environment"
"$environment/bin/pip" install --quiet --requirement scripts/golden/requirements.txt
for mode in "" --x64 --eager --reorder; do
  "$environment/bin/python" scripts/golden/make_golden.py $mode
done
"$environment/bin/python" scripts/golden/tolerances.py
"$environment/bin/python" scripts/golden/make_numpy.py > .cache/numpy.json
mv .cache/numpy.json test/golden/numpy.json
