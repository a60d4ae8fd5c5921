"""Encoder and decoder with attention: numerics alone (Bahdanau, Cho and Bengio 2015).

Read ``config.py``, ``attention.py``, ``decoder.py``, ``readout.py``, ``transducer.py``.
"""

from textrnn.nn.transducer.config import TransducerConfig
from textrnn.nn.transducer.transducer import Cache, Transducer

__all__ = ["Cache", "Transducer", "TransducerConfig"]
