"""Encoder and decoder with attention: numerics alone (Bahdanau, Cho and Bengio 2015).

Read ``config.py``, ``attention.py``, ``decoder.py``, ``readout.py``, ``transducer.py``;
then ``writer.py``, ``search.py`` and ``beam.py``, which write targets that are not known.
"""

from textrnn.nn.transducer.beam import beam
from textrnn.nn.transducer.config import TransducerConfig
from textrnn.nn.transducer.search import Written, greedy
from textrnn.nn.transducer.transducer import Cache, Transducer

__all__ = ["Cache", "Transducer", "TransducerConfig", "Written", "beam", "greedy"]
