"""Makes test/golden anew from the versions that requirements.txt pins.

  npm run golden                                      all of it (make.sh): the files, then the tolerances
  python scripts/golden/make_golden.py                the files alone; ONLY=losses,dense for some, OUT=folder for another folder
  python scripts/golden/make_golden.py --x64          compares a run in float64 with them; also --eager, --reorder (training runs)
  python scripts/golden/tolerances.py                 the tolerances, from those three comparisons

Each file holds its inputs and outputs: a comparison reads the inputs back and computes the outputs again.
"""
import case_random  # noqa: F401 - each module adds its cases to the suite, in this order
import case_guide  # noqa: F401
import case_layers  # noqa: F401
import case_conv  # noqa: F401
import case_functions  # noqa: F401
import case_optimizers  # noqa: F401
import case_training  # noqa: F401
import case_nested  # noqa: F401
import case_autodiff  # noqa: F401
import case_rng_derivation  # noqa: F401
import case_errors  # noqa: F401
import case_semantics  # noqa: F401
from encoding import EAGER, REORDER, X64
from suite import S

if __name__ == '__main__':
  if X64 or EAGER or REORDER:
    S.compare()
  else:
    S.write()
