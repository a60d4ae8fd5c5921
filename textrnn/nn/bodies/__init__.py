"""The table of bodies: what reads a text; a new one is a new file and a name here.

One from outside the package calls ``register``.
"""

from textrnn.nn.bodies.base import (
    BODIES,
    Backpropagated,
    Body,
    BodyCache,
    LayerCache,
    LayerWatch,
    register,
)
from textrnn.nn.bodies.layer import Layer, LayerGradients
from textrnn.nn.bodies.recurrent import Recurrent, RecurrentLayer

for _body in (Recurrent,):
    register(_body)

__all__ = [
    "BODIES",
    "Backpropagated",
    "Body",
    "BodyCache",
    "Layer",
    "LayerCache",
    "LayerGradients",
    "LayerWatch",
    "Recurrent",
    "RecurrentLayer",
    "register",
]
