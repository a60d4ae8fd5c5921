"""Whether a configuration, which may come from anybody, is that of a kind of model there is."""

from __future__ import annotations

from typing import Any

from textrnn.storage.config_fields import COMMON, TOKENIZER, check_settings
from textrnn.storage.format import METRICS
from textrnn.storage.kinds import kind_of
from textrnn.system.fields import check_fields, digest


def validate_config(config: Any) -> None:
    """Check all that a model's configuration says.

    Args:
        config: as JSON gives it.

    Raises:
        ValueError: what is wrong, where, the value seen and what it must be.
    """
    if not isinstance(config, dict):
        check_fields(config, COMMON, "")
    kind = kind_of(config)
    check_fields(config, {**COMMON, **kind.fields}, "")
    check_fields(config["tokenizer"], TOKENIZER, "tokenizer")
    kind.check(config)
    names = {*kind.vocabularies(config), *kind.arrays(config), METRICS}
    check_fields(config["files"], dict.fromkeys(sorted(names), digest()), "files")
    check_settings(config["settings"])
