"""``textrnn lm generate``: texts that a model writes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from textrnn.cli.lm.asking import Label, Model, language_model, told_unknown, write_json
from textrnn.cli.options import Debug, Json, Quiet, check_seed, note, silent
from textrnn.wording.quoting import one_line


def generate(
    model: Model = None,
    prompt: Annotated[
        str, typer.Option(help="Beginning of the texts, which the model goes on with.")
    ] = "",
    n: Annotated[int, typer.Option("--n", "-n", help="Texts to write.")] = 1,
    max_tokens: Annotated[
        int, typer.Option(help="Most words, or characters, to write of a text.")
    ] = 200,
    temperature: Annotated[
        float,
        typer.Option(
            help="Below 1 probable words are drawn more often, above 1 less; 0 takes the most "
            "probable word."
        ),
    ] = 1.0,
    top_k: Annotated[
        int | None, typer.Option("--top-k", help="Draw from the K most probable words only.")
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(
            "--top-p",
            help="Draw from the fewest words only that are that probable together, as 0.9.",
        ),
    ] = None,
    label: Label = None,
    strength: Annotated[
        float | None,
        typer.Option(
            help="Of a model with labels: how much it counts what a word tells of the label; 0 "
            "writes as texts of the label are, which may not show it. By default 1."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed draws the same texts.")] = 0,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write texts, one a line.

    Each word is drawn by its probability after those before it, until the text ends or has the
    most words; words that the model does not know are never written. A prompt is read first and
    printed with what follows. With --json a record has the text, its prompt, its label, and
    whether the model ended it.

    A model that was trained with labels writes under --label, or else under labels that are drawn
    as often as texts had them. There a word counts more the more it tells of the label, by Bayes'
    rule over the labels: --strength 0 draws by the model's probabilities alone.

    Examples:

        textrnn lm generate --n 5

        textrnn lm generate --prompt "The film was" --temperature 0.7 --top-p 0.9

        textrnn lm generate --model models/reviews-lm --label positive --n 100 --seed 1
    """
    del debug
    check_seed(seed)
    from textrnn.inference.generation import Sampling
    from textrnn.inference.generation import generate as written

    sampling = Sampling(temperature, top_k, top_p)
    loaded = language_model(model, quiet=quiet)
    texts = written(
        loaded,
        n,
        beginning=prompt,
        max_tokens=max_tokens,
        sampling=sampling,
        label=label,
        strength=strength,
        seed=seed,
    )
    read = loaded.encode([prompt]).ids
    n_unknown = int((read == 0).sum())
    if n_unknown:
        tell = silent if quiet else note
        tell(f"prompt: {told_unknown(n_unknown, len(read))}")
    for one in texts:
        if as_json:
            record = {"text": one.text, "prompt": prompt, "label": one.label, "ended": one.ended}
            write_json(record)
        else:
            sys.stdout.write(one_line(one.text) + "\n")
        sys.stdout.flush()
