"""Whether the settings of a training go together with its learning rule."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from textrnn.errors import UsageError
from textrnn.nn.bodies import BODIES
from textrnn.nn.one_way import why_not_one_way
from textrnn.training.declaration import is_meant
from textrnn.training.declared import DeclaredSettings
from textrnn.training.rules import RULES
from textrnn.wording.messages import Message, Parameter, Setting, stated
from textrnn.wording.quoting import listed


def check_rule(settings: DeclaredSettings, given: Collection[str]) -> None:
    """Refuse what a rule cannot do, and settings that were given for nothing.

    Args:
        settings: each of which can work by itself.
        given: those that were given on purpose, be it with their defaults; those that are not the
            default count as such anyway.

    Raises:
        UsageError: the first thing that does not go with the rule.
    """
    for complaint in _complaints(settings, given):
        raise UsageError(complaint)


def _complaints(settings: DeclaredSettings, given: Collection[str]) -> Iterator[Message]:
    rule, kind = Setting("rule", settings.rule), RULES[settings.rule]
    body = BODIES[settings.body]
    if kind.is_one_way and not body.has_cell:
        yield Message(
            rule,
            " goes along the states of a cell, but ",
            stated("body", body.name),
            ".",
        )
    reason = why_not_one_way(
        bidirectional=settings.bidirectional, segment_length=settings.segment_length
    )
    if kind.is_one_way and reason is not None:
        yield Message(rule, " goes along whole texts as they are read, but ", reason)
    if not kind.is_cut:
        cut = [name for name, one in RULES.items() if one.is_cut]
        for name in ("k1", "k2"):
            if getattr(settings, name) is not None and is_meant(settings, name, given):
                yield Message(
                    stated(name, getattr(settings, name)),
                    ", but is for ",
                    Parameter("rule"),
                    f" {listed(cut)}; leave it out.",
                )
    if settings.k1 is not None and settings.k2 is not None and settings.k2 < settings.k1:
        yield Message(
            stated("k2", settings.k2),
            ", but must be at least ",
            Parameter("k1"),
            f", {settings.k1}: what is learnt from the answers between two updates goes back over "
            "that many words.",
        )
    for name, off in kind.idle.items():
        value: Any = getattr(settings, name)
        if value != off and is_meant(settings, name, given):
            yield Message(stated(name, value), ", but does nothing under ", rule, "; leave it out.")
