"""Whether the settings of a training go together with its learning rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from textrnn.errors import UsageError
from textrnn.training.declared import DeclaredSettings
from textrnn.training.rules import RULES
from textrnn.wording.messages import Message, Parameter, Setting, stated
from textrnn.wording.quoting import listed


def check_rule(settings: DeclaredSettings, defaults: DeclaredSettings) -> None:
    """Refuse what a rule cannot do, and settings that were given for nothing.

    Args:
        settings: each of which can work by itself.
        defaults: where a setting is as here, nobody has asked for it.

    Raises:
        UsageError: the first thing that does not go with the rule.
    """
    for complaint in _complaints(settings, defaults):
        raise UsageError(complaint)


def _complaints(settings: DeclaredSettings, defaults: DeclaredSettings) -> Iterator[Message]:
    rule, kind = Setting("rule", settings.rule), RULES[settings.rule]
    if kind.is_one_way and settings.bidirectional:
        yield Message(
            rule,
            " goes along a text as it is read, one way; give ",
            Setting("bidirectional", False),
            ", too.",
        )
    if kind.is_one_way and settings.segment_length is not None:
        yield Message(
            rule,
            " reads whole texts, but ",
            stated("segment_length", settings.segment_length),
            "; leave it out.",
        )
    if not kind.is_cut:
        cut = [name for name, one in RULES.items() if one.is_cut]
        for name in ("k1", "k2"):
            if getattr(settings, name) is not None:
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
        if value not in (off, getattr(defaults, name)):
            yield Message(stated(name, value), ", but does nothing under ", rule, "; leave it out.")
