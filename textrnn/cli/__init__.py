"""The command line: parse, call, print."""

import os

# One BLAS thread: the products of a recurrent step are too small to share, and on a
# busy machine a second thread made them over 50 times slower. Must precede numpy.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"
