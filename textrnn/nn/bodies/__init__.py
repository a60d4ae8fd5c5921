"""The table of bodies: what reads a text; a new one is a new file and a name here.

One from outside the package calls ``register``.
"""

from textrnn.nn.bodies.base import BODIES, Body, LayerWatch, register
from textrnn.nn.bodies.convolution import CNN, Convolution
from textrnn.nn.bodies.feedforward import FeedForward
from textrnn.nn.bodies.layer import Layer, LayerGradients
from textrnn.nn.bodies.passes import Backpropagated, BodyCache, LayerCache
from textrnn.nn.bodies.recurrent import Recurrent, RecurrentLayer
from textrnn.nn.bodies.scan import ScanLayer

for _body in (Recurrent, CNN, FeedForward):
    register(_body)

__all__ = [
    "BODIES",
    "CNN",
    "Backpropagated",
    "Body",
    "BodyCache",
    "Convolution",
    "FeedForward",
    "Layer",
    "LayerCache",
    "LayerGradients",
    "LayerWatch",
    "Recurrent",
    "RecurrentLayer",
    "ScanLayer",
    "register",
]
