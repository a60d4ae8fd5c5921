"""Training and prediction against PyTorch and Keras: same network, texts, batches, cores.

    TEXTRNN_DATA=DIR python -m benchmarks.speed [J1 J2 ...] [--documents 5120] [--turns 5]

Needs the ``bench`` extra. Training jobs run a part of an epoch (``--documents``) at each
turn, in the same batches for all, from the same first weights; the first losses must agree.
Warm-up is left out; ratios are medians of neighbouring turns; all use all cores: textrnn
by processes, PyTorch and TensorFlow by threads, with denormals flushed. Of PyTorch's
idioms the fastest counts. Writes benchmarks/results/speed.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from benchmarks.timing import Timing, ratio, take_turns
from textrnn.corpora import load_corpus
from textrnn.inference.batches import length_batches, predict_proba
from textrnn.nn.config import NetworkConfig
from textrnn.nn.network import Network
from textrnn.nn.optimizers import Adam
from textrnn.nn.targets import Targets
from textrnn.system.plain_json import plain
from textrnn.system.processes import available_cores
from textrnn.text.encoded import EncodedTexts
from textrnn.text.reading import read_texts
from textrnn.text.tokenizers import make_tokenizer
from textrnn.text.vocabulary import Vocabulary
from textrnn.training.batching import epoch_batches
from textrnn.training.examples import Examples
from textrnn.training.executors import make_executor
from textrnn.training.rules.bptt import BPTT
from textrnn.typing import Floats, Ids, Ints

OUT = Path(__file__).parent / "results" / "speed.json"
LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class TrainingJob:
    """One network on one corpus."""

    title: str
    target: float
    corpus: str
    config: NetworkConfig
    batch_size: int
    max_length: int | None


LAST = NetworkConfig(2, 10_001, 32, "lstm", 100, 1, False, "last", "float32")
JOBS = {
    "J1": TrainingJob("IMDB, LSTM 100, last state, cut at 500", 5.0, "imdb", LAST, 256, 500),
    "J2": TrainingJob("IMDB, LSTM 100, mean", 2.0, "imdb", replace(LAST, readout="mean"), 256, 500),
    "J3": TrainingJob(
        "IMDB, BiLSTM 128, max, whole texts",
        2.0,
        "imdb",
        NetworkConfig(2, 10_001, 100, "lstm", 128, 1, True, "max", "float32"),
        64,
        None,
    ),
    "J5": TrainingJob("SST-2, LSTM 100, last state", 2.0, "sst2", LAST, 32, None),
}


def examples_of(corpus: str, n: int, max_length: int | None) -> Examples:
    """The first n of a corpus's training texts in random order, as ids of 10,000 words."""
    split = load_corpus(corpus, offline=True).train
    rows = np.random.default_rng(0).permutation(len(split))[:n]
    tokenizer = make_tokenizer("word")
    tokens = read_texts(tokenizer, [split.texts[i] for i in rows], max_length)
    vocabulary = Vocabulary.build(tokens, max_features=10_000)
    classes = {label: i for i, label in enumerate(split.classes)}
    targets = np.array([classes[split.labels[i]] for i in rows])
    texts = vocabulary.encode_all(tokens)
    print(f"{corpus}: {len(texts):,} texts, {texts.n_tokens:,} words", flush=True)
    return Examples(texts, Targets.hard(targets, len(classes)))


def documents_of(texts: EncodedTexts) -> list[Ids]:
    """Each text by itself, as the peers take them."""
    return [texts.ids_of(row) for row in range(len(texts))]


def fresh_network(config: NetworkConfig, seed: int = 0) -> Network:
    """Weights drawn as PyTorch draws them, so that all start where its users start."""
    rng = np.random.default_rng(seed)
    network = Network.initialise(config, rng)
    bound = config.hidden_size**-0.5
    for name, value in network.params.items():
        if name.startswith("recurrent"):
            value[...] = rng.uniform(-bound, bound, value.shape)
    network.params["embedding.weight"][...] = rng.standard_normal(
        network.params["embedding.weight"].shape
    )
    return network


class OurTrainer:
    """Adam steps over given batches, by processes."""

    def __init__(self, network: Network, data: Examples, jobs: int) -> None:
        self.start = {name: value.copy() for name, value in network.params.items()}
        cut = BPTT(gradient_floor=1e-7)
        self.network = network
        self.workers = make_executor(network, jobs, train=data, rule=cut)
        self.workers.__enter__()
        self.unrolled = self.tokens = 0

    def epoch(self, batches: list[Ints]) -> list[float]:
        """The first epoch, or a part of it: from the start each time."""
        rng, losses = np.random.default_rng(0), []
        for name, value in self.start.items():
            self.network.params[name][...] = value
        self.optimizer = Adam(self.network.params)
        for rows in batches:
            sums, gradients = next(self.workers.steps(rows, rng))
            self.optimizer.update(self.network.params, gradients, LEARNING_RATE)
            losses.append(sums.loss / len(rows))
            self.unrolled += sums.unrolled
            self.tokens += sums.tokens
        return losses

    def close(self) -> None:
        self.workers.__exit__(None, None, None)


def same_losses(ours: Sequence[float], theirs: Sequence[float]) -> None:
    """The first to rounding; the second nearly, as Adam's first step makes steps of full size
    out of gradients that are all rounding; from the third lazy and dense Adam part ways."""
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-5)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=2e-2)


def training(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """textrnn against the best PyTorch idiom (and Keras for J1)."""
    from benchmarks.torch_peer import IDIOMS, TorchTrainer

    job = JOBS[name]
    data = examples_of(job.corpus, options.documents, job.max_length)
    documents, targets, lengths = documents_of(data.texts), data.targets.values, data.texts.lengths
    batches = epoch_batches(
        lengths, batch_size=job.batch_size, shuffle=True, rng=np.random.default_rng(1)
    )
    network = fresh_network(job.config)
    idioms = [i for i in IDIOMS if job.max_length or i != "padded"]
    peers = {i: TorchTrainer(network, i, LEARNING_RATE) for i in idioms}
    # One batch of middling length: the packed idiom's backward pass can take a minute for it.
    middling = [sorted(batches, key=lambda rows: lengths[rows].max())[len(batches) // 2]]
    trial = take_turns(
        {i: partial(p.epoch, documents, targets, middling) for i, p in peers.items()},
        1,
    )
    best = min(trial, key=lambda i: trial[i].median)
    print("idioms of PyTorch, one batch:", {i: round(t.median, 2) for i, t in trial.items()})
    ours = OurTrainer(fresh_network(job.config), data, options.jobs)
    theirs = TorchTrainer(network, best, LEARNING_RATE)
    exact = "packed" if job.config.bidirectional else best
    check = OurTrainer(fresh_network(job.config), data, 1)
    peer = TorchTrainer(network, exact, LEARNING_RATE)
    few = [rows[:16] for rows in batches[:2]]
    same_losses(check.epoch(few), peer.epoch(documents, targets, few))
    jobs: dict[str, Callable[[], object]] = {
        "textrnn": lambda: ours.epoch(batches),
        f"torch {best}": lambda: theirs.epoch(documents, targets, batches),
    }
    if name == "J1" and not options.no_keras:
        from benchmarks.keras_peer import KerasTrainer

        keras = KerasTrainer(job.config, LEARNING_RATE)
        jobs["keras"] = lambda: keras.epoch(documents, targets, job.batch_size)
    timings = take_turns(jobs, options.turns)
    ours.close()
    share = ours.unrolled / ours.tokens
    return report(name, job.title, job.target, timings, {"backward_share": share})


def inference(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """J4: probabilities of many reviews from token ids."""
    from benchmarks.torch_peer import IDIOMS, TorchTrainer

    data = examples_of("imdb", options.documents, None)
    documents, lengths = documents_of(data.texts), data.texts.lengths
    batches = list(length_batches(lengths))
    results = {}
    for title, config in (
        ("LSTM 100, last state", LAST),
        ("BiLSTM 128, max", JOBS["J3"].config),
    ):
        network = fresh_network(config)
        peers = {i: TorchTrainer(network, i, LEARNING_RATE) for i in IDIOMS[1:]}
        ours_alone = fresh_network(config)
        with make_executor(ours_alone, options.jobs, held_out=data) as workers:

            def predict_proba(network: Network = ours_alone) -> Floats:
                return network.config.output.probabilities(workers.predict_logits())

            ours = predict_proba()
            for idiom, peer in peers.items():
                theirs = peer.predict(documents, batches)
                # Padded, the second direction begins in the padding: another network.
                if idiom == "packed" or not config.bidirectional:
                    np.testing.assert_allclose(ours, theirs, atol=1e-4)
            jobs: dict[str, Callable[[], object]] = {
                "textrnn": predict_proba,
                **{f"torch {i}": partial(p.predict, documents, batches) for i, p in peers.items()},
            }
            timings = take_turns(jobs, options.turns)
        results[title] = report(name, f"prediction, {title}", 1.5, timings)
    return results


def one_sentence(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """J6: one sentence of 20 words at a time, 200 of them."""
    import torch

    from benchmarks.torch_peer import TorchClassifier

    network = fresh_network(LAST)
    rng = np.random.default_rng(0)
    ids = rng.integers(1, 10_000, 20 * 200).astype(np.int32)
    texts = EncodedTexts(ids, np.arange(201) * 20, ())
    sentences = [texts[row : row + 1] for row in range(200)]
    model = TorchClassifier(network, "bucketed")
    network.freeze()  # as a loaded model's is

    def ours() -> None:
        for sentence in sentences:
            predict_proba(network, sentence)

    def theirs() -> None:
        with torch.inference_mode():
            for ids in documents_of(texts):
                model(torch.from_numpy(ids[None].astype(np.int64)), torch.tensor([20]))

    timings = take_turns({"textrnn": ours, "torch": theirs}, options.turns)
    return report(name, "one sentence of 20 words at a time", 3.0, timings)


def cold_start(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """J7: whole process, from nothing to the first prediction."""
    import subprocess

    import torch

    from benchmarks.cold_start import installed
    from benchmarks.torch_peer import TorchClassifier
    from textrnn.inference.classifier import TextModel
    from textrnn.storage.writing import save_model

    words = [[f"w{i}"] for i in range(10_000)]
    vocabulary = Vocabulary.build(words)
    network = fresh_network(LAST)
    with tempfile.TemporaryDirectory() as folder:
        model = TextModel(make_tokenizer("word"), vocabulary, network, ("neg", "pos"))
        save_model(model, Path(folder) / "m")
        torch.save(TorchClassifier(network, "bucketed").state_dict(), Path(folder) / "m.pt")
        script = (
            "import torch, sys; from torch import nn\n"
            f"state = torch.load({folder + '/m.pt'!r})\n"
            "e = nn.Embedding(10002, 32); l = nn.LSTM(32, 100, batch_first=True)\n"
            "f = nn.Linear(100, 2)\n"
            "for m, n in ((e, 'embedding.'), (l, 'recurrent.'), (f, 'linear.')):\n"
            "    m.load_state_dict({k[len(n):]: v for k, v in state.items() if k.startswith(n)})\n"
            "with torch.inference_mode():\n"
            "    print(torch.softmax(f(l(e(torch.tensor([[1, 2, 3]])))[0][:, -1]), 1))\n"
        )
        ours = [sys.executable, "-m", "textrnn", "predict", "w1 w2 w3", "-m", f"{folder}/m"]

        def run(command: list[str]) -> Callable[[], object]:
            return lambda: subprocess.run(command, check=True, capture_output=True, env=installed())

        jobs = {"textrnn": run(ours), "torch": run([sys.executable, "-c", script])}
        timings = take_turns(jobs, options.turns)
    return report(name, "cold start to the first prediction", 8.0, timings)


def workers_gain(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """J8: processes against one, J2's network."""
    job = JOBS["J2"]
    data = examples_of(job.corpus, options.documents, job.max_length)
    lengths = data.texts.lengths
    batches = epoch_batches(lengths, batch_size=256, shuffle=True, rng=np.random.default_rng(1))
    many = OurTrainer(fresh_network(job.config), data, options.jobs)
    one = OurTrainer(fresh_network(job.config), data, 1)
    timings = take_turns(
        {"textrnn": lambda: many.epoch(batches), "one process": lambda: one.epoch(batches)},
        options.turns,
    )
    many.close()
    return report(name, f"{options.jobs} processes against one", 1.7, timings)


def growth(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """J9: the cost of twice the texts, twice the length, ten times the vocabulary."""
    rng = np.random.default_rng(0)

    def texts(n: int, length: int, vocabulary: int) -> EncodedTexts:
        ranks = np.arange(1, vocabulary)
        frequency = (1 / ranks) / (1 / ranks).sum()
        ids = rng.choice(ranks, n * length, p=frequency).astype(np.int32)
        return EncodedTexts(ids, np.arange(n + 1) * length, ())

    def job(n: int, length: int, vocabulary: int) -> Callable[[], object]:
        targets = Targets.hard(rng.integers(0, 2, n), 2)
        data = Examples(texts(n, length, vocabulary), targets)
        config = replace(LAST, vocabulary_size=vocabulary, readout="mean")
        trainer = OurTrainer(fresh_network(config), data, 1)
        batches: list[Ints] = [np.arange(i, i + 64) for i in range(0, n, 64)]
        return lambda: trainer.epoch(batches)

    jobs = {
        "textrnn": job(512, 200, 10_000),
        "texts x 2": job(1024, 200, 10_000),
        "length x 2": job(512, 400, 10_000),
        "vocabulary x 10": job(512, 200, 100_000),
    }
    timings = take_turns(jobs, options.turns)
    return report(name, "growth of cost (2, 2 and 1 expected)", 1.0, timings)


def report(
    name: str,
    title: str,
    target: float,
    timings: dict[str, Timing],
    more: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Print a job's line and return its JSON."""
    ours = timings["textrnn"]
    ratios = {peer: ratio(t, ours) for peer, t in timings.items() if peer != "textrnn"}
    told = ", ".join(
        f"{peer} {timings[peer].median:.2f} s = x {value:.2f}" for peer, value in ratios.items()
    )
    print(f"{name} {title}: textrnn {ours.median:.3f} s; {told} (target {target:g})", flush=True)
    return {
        "title": title,
        "target": target,
        "ratios": ratios,
        "timings": [t.to_dict() for t in timings.values()],
        **(more or {}),
    }


def table(results: dict[str, Any]) -> str:
    """Markdown of all results on file: ratios to each peer, and the target."""
    lines = ["| job | what | ratio to each peer | target |", "|---|---|---|---|"]
    for name, result in sorted(results.items()):
        for part in [result] if "ratios" in result else result.values():
            if "ratios" in part:
                ratios = ", ".join(f"{peer} {x:.2f}" for peer, x in part["ratios"].items())
                lines.append(f"| {name} | {part['title']} | {ratios} | {part['target']:g} |")
    return "\n".join(lines)


RUNNERS: dict[str, Callable[[str, argparse.Namespace], dict[str, Any]]] = {
    "J1": training,
    "J2": training,
    "J3": training,
    "J4": inference,
    "J5": training,
    "J6": one_sentence,
    "J7": cold_start,
    "J8": workers_gain,
    "J9": growth,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(RUNNERS))
    parser.add_argument("--documents", type=int, default=5_120)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=available_cores())
    parser.add_argument("--no-keras", action="store_true")
    options = parser.parse_args()
    from benchmarks.torch_peer import prepare_threads

    prepare_threads(available_cores())
    results = json.loads(OUT.read_text()) if OUT.exists() else {}
    for name in options.names:
        results[name] = {**RUNNERS[name](name, options), "machine": machine()}
        OUT.parent.mkdir(exist_ok=True)
        OUT.write_text(json.dumps(plain(results), indent=1, allow_nan=False) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
