"""How the folders in ``models_0_1_0/`` were made: run once, with textrnn 0.1.0, never again.

    python tests/reference/make_models_0_1_0.py tests/reference/models_0_1_0

They stand for what users have on disk. ``answers.json`` holds what 0.1.0 said of some texts.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np

from textrnn import TextRNNClassifier, __version__
from textrnn.baselines import fit_baselines
from textrnn.linear_baselines import as_linear_model
from textrnn.persistence import load_classifier, save_model
from textrnn.text.tokenizers import WordTokenizer

PLACES = [
    "inn",
    "farm",
    "hotel",
    "hostel",
    "lodge",
    "camp",
    "villa",
    "cabin",
    "table",
    "stable",
    "kitchen",
    "garden",
]
PRAISE = ["warm and kind", "fresh", "bright, quiet", "not bad at all", "She's lovely"]
BLAME = ["cold and rude", "stale", "dark, loud", "never again", "8/10, for noise"]
ASKED = [
    "",
    "The inn near the farm was warm and kind.",
    "She's cold and rude!",
    "tables near the stable, 8/10, for noise",
    "kichten gardne near villaa: tstale",
    "ables near the abletst resh",
    "not bad at all",
    "unheard of words only",
    "never again " * 40,
    "Dark, loud; bright, quiet",
    "The hotel was stable, cabin table ables arden",
]


def main(out: Path) -> None:
    """Train and save a model of each kind, and note their answers."""
    assert __version__ == "0.1.0"
    rng = random.Random(0)
    texts, labels, several = [], [], []
    for i in range(160):
        good = i % 2
        place, other = rng.choice(PLACES), rng.choice(PLACES)
        words = rng.choice(PRAISE if good else BLAME)
        text = f"The {place} near the {other} was {words}, room {rng.randint(1, 30)}."
        texts.append(text)
        labels.append("good" if good else "bad")
        several.append([good, int("near the inn" in text or "stable" in text)])
    small = {
        "hidden_size": 6,
        "embedding_dim": 8,
        "max_iter": 3,
        "random_state": 0,
        "max_features": 60,
    }

    def save(name: str, y: Any, *, compact: bool = False, **settings: Any) -> None:
        trained = TextRNNClassifier(**{**small, "ngrams": "words", **settings}).fit(texts, y)
        metrics = {"history": trained.history_}
        save_model(trained.model_, out / name, metrics=metrics, compact=compact)

    save("network", labels)
    save("compact", labels, compact=True)
    save("characters", labels, ngrams="auto", cell="gru", readout="attention")
    one_way = {"bidirectional": False, "readout": "last", "cell": "rnn", "embedding": "onehot"}
    alone = {"ngrams": "none", "unknown_words": "same", "early_stopping": False}
    save("plain", labels, **one_way, **alone)
    save("multilabel", np.array(several), threshold=0.4)
    save("named_like_booleans", ["True" if label == "good" else "False" for label in labels])
    tokenizer = WordTokenizer()
    tokens = [tokenizer(text) for text in texts]
    parts = tokens[:120], labels[:120], tokens[120:], labels[120:]
    for fitted in fit_baselines(*parts, names=("nbsvm", "tfidf_lr")):
        save_model(as_linear_model(fitted, tokenizer), out / f"linear_{fitted.name}")

    answers: dict[str, Any] = {"texts": ASKED, "models": {}}
    for folder in sorted(path for path in out.iterdir() if path.is_dir()):
        model = load_classifier(folder)
        probabilities = np.asarray(model.predict_proba(ASKED), dtype=float)
        rows = probabilities.round(9).tolist()
        answers["models"][folder.name] = {"classes": model.classes, "probabilities": rows}
    content = json.dumps(answers, separators=(",", ":")).replace('"linear', '\n"linear')
    (out / "answers.json").write_text(content.replace("]],", "]],\n") + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
