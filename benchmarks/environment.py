"""What the environment says to NumPy's OpenBLAS, put right before NumPy is loaded.

One thread: textrnn shares its work among processes. No ``OPENBLAS_CORETYPE`` and no
``OPENBLAS_L2_SIZE``: some machines pin them, so that all their processors compute the
same bits. The pin reaches OpenBLAS alone, not the kernels that PyTorch, TensorFlow and
floret bring along; with Haswell's kernels on a processor with AVX-512 a product in NumPy
runs at half its speed, and the comparison would be with a pin and not with a peer. Here
each library chooses the kernels of this processor.

Importing any module of ``benchmarks`` imports this one first. Once NumPy is loaded it
does nothing: the variables would no longer reach this process, only its children, which
would then compute with other kernels than their parent.
"""

from __future__ import annotations

import os
import sys

PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def let_blas_choose() -> None:
    """Set one BLAS thread and take the pins away, unless NumPy is loaded already."""
    if "numpy" in sys.modules:
        return
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    for pin in PINS:
        os.environ.pop(pin, None)


let_blas_choose()
