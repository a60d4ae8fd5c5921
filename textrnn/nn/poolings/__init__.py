"""The table of poolings: a new pooling is a new file and a row here.

Where the setting ``readout`` names one, the network makes one vector a text of the outputs at
all of its words.
"""

from textrnn.nn import registry
from textrnn.nn.poolings.attention import Attention
from textrnn.nn.poolings.base import Pooling, PoolingGradients, Running
from textrnn.nn.poolings.concatenated import Concatenated, MaxMean, MaxMeanLast
from textrnn.nn.poolings.last import Last
from textrnn.nn.poolings.max import Max
from textrnn.nn.poolings.mean import Mean

POOLINGS: dict[str, Pooling] = {}


def register(pooling: type[Pooling]) -> type[Pooling]:
    """Make a pooling known by its ``name``, from outside the package, too; return it.

    A class that is defined anew, as in a notebook, takes the place of what it was before.

    Raises:
        ValueError: another has that name.
    """
    registry.register(POOLINGS, pooling)
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
