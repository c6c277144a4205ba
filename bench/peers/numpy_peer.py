"""NumPy's matrix product, which is OpenBLAS's sgemm."""
import numpy as np

from lines import serve


def open_job(request):
    k = request['kernel']
    if request['kind'] != 'kernel' or k['op'] != 'gemm':
        raise ValueError('only the kernel gemm is here')
    rng = np.random.default_rng(0)
    a = rng.standard_normal((k['k'], k['m']) if k['transA'] else (k['m'], k['k']), dtype=np.float32)
    b = rng.standard_normal((k['n'], k['k']) if k['transB'] else (k['k'], k['n']), dtype=np.float32)
    a, b = (a.T if k['transA'] else a), (b.T if k['transB'] else b)
    out = np.empty((k['m'], k['n']), np.float32)

    def run(steps):
        for _ in range(steps):
            np.matmul(a, b, out=out)
        return 0.0

    return run


blas = np.show_config(mode='dicts')['Build Dependencies']['blas']
serve({'name': 'numpy', 'version': f'numpy {np.__version__}, {blas["name"]} {blas["version"]}'}, open_job)
