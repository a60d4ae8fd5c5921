"""Folders of every earlier version load for ever, and answer as they did then."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from textrnn.storage.reading import load_classifier, read_metrics

FOLDERS = sorted(Path(__file__).parent.glob("reference/models_*/*/"))


def test_there_are_some_of_every_kind() -> None:
    assert len(FOLDERS) >= 8


@pytest.mark.parametrize(
    "folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}/{folder.name}"
)
def test_an_earlier_model_answers_as_it_did(folder: Path) -> None:
    answers = json.loads((folder.parent / "answers.json").read_text())
    expected = answers["models"][folder.name]
    model = load_classifier(folder)
    assert list(model.classes) == expected["classes"]
    found = model.predict_proba(answers["texts"])
    np.testing.assert_allclose(found, expected["probabilities"], atol=1e-6)
    one_by_one = np.concatenate([model.predict_proba([text]) for text in answers["texts"]])
    np.testing.assert_allclose(one_by_one, expected["probabilities"], atol=1e-6)
    read_metrics(folder)
