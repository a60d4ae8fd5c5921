"""The table of poolings: a new pooling is a new file and a row here.

Where the setting ``readout`` names one, the network makes one vector a text of the outputs at
all of its words.
"""

from textrnn.nn.poolings.attention import Attention
from textrnn.nn.poolings.base import Pooling, PoolingGradients, Running
from textrnn.nn.poolings.concatenated import Concatenated, MaxMean, MaxMeanLast
from textrnn.nn.poolings.last import Last
from textrnn.nn.poolings.max import Max
from textrnn.nn.poolings.mean import Mean

POOLINGS: dict[str, Pooling] = {}


def register(pooling: type[Pooling]) -> type[Pooling]:
    """Make a pooling known by its ``name``, from outside the package, too; return it.

    Raises:
        ValueError: another has that name.
    """
    known = POOLINGS.setdefault(pooling.name, pooling())
    if type(known) is not pooling:
        raise ValueError(f"{pooling.name} is the name of {type(known).__name__} already")
    return pooling


for _pooling in (Last, Mean, Max, MaxMean, MaxMeanLast, Attention):
    register(_pooling)

__all__ = [
    "POOLINGS",
    "Attention",
    "Concatenated",
    "Last",
    "Max",
    "MaxMean",
    "MaxMeanLast",
    "Mean",
    "Pooling",
    "PoolingGradients",
    "Running",
    "register",
]
