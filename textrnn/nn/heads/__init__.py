"""The table of heads: what answers on top of the recurrent layers, and when."""

from textrnn.nn.heads.base import Head, HeadCache
from textrnn.nn.heads.every_step import EveryStepHead
from textrnn.nn.heads.next_word import NextWordHead
from textrnn.nn.heads.text import TextHead
from textrnn.nn.heads.token import TokenHead

HEADS: dict[str, type[Head]] = {"text": TextHead, "token": TokenHead, "next_word": NextWordHead}

__all__ = [
    "HEADS",
    "EveryStepHead",
    "Head",
    "HeadCache",
    "NextWordHead",
    "TextHead",
    "TokenHead",
]
