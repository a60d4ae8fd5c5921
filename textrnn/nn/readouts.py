"""The table of readouts: a new readout is a class and a row here."""

from __future__ import annotations

from textrnn.nn.attention import Attention
from textrnn.nn.poolings import Joined, Last, Max, Mean, Readout

READOUTS: dict[str, Readout] = {
    "last": Last(),
    "mean": Mean(),
    "max": Max(),
    "max_mean": Joined(Max(), Mean()),
    "max_mean_last": Joined(Max(), Mean(), Last()),
    "attention": Attention(),
}
