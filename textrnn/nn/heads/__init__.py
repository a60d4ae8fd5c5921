"""The table of heads: what answers on top of the recurrent layers, and when."""

from textrnn.nn.heads.base import Head, HeadCache
from textrnn.nn.heads.every_step import EveryStepHead
from textrnn.nn.heads.text import TextHead
from textrnn.nn.heads.token import TokenHead

HEADS: dict[str, type[Head]] = {"text": TextHead, "token": TokenHead}

__all__ = ["HEADS", "EveryStepHead", "Head", "HeadCache", "TextHead", "TokenHead"]
