"""The parameters of every estimator: their meaning, their defaults, and presets of them.

scikit-learn wants each spelled out in the signature of the constructor, which only stores them.
"""

from __future__ import annotations

import os
from dataclasses import fields
from typing import Any, Self

from sklearn.base import BaseEstimator

from textrnn.estimator.inputs import keep_parameters
from textrnn.text.tokenizers import Tokenizer
from textrnn.training.presets import changes_of
from textrnn.training.settings import Settings
from textrnn.typing import ClassWeight


class TextRNNParameters(BaseEstimator):  # type: ignore[misc]
    """What is told of a network and of its training before there is any text."""

    def __init__(
        self,
        *,
        body: str = "recurrent",
        cell: str = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        bidirectional: bool = True,
        readout: str = "max",
        segment_length: int | None = None,
        embedding: str | os.PathLike[str] = "random",
        embedding_dim: int = 100,
        init_from: str | os.PathLike[str] | None = None,
        freeze_embedding: bool = False,
        tokenizer: str | Tokenizer = "word",
        lowercase: bool = True,
        min_df: int | float = 1,
        max_df: int | float = 1.0,
        max_features: int | None = 30_000,
        max_length: int | None = 1_000,
        unknown_alpha: float = 0.25,
        unknown_words: str = "nearest",
        ngrams: str = "auto",
        loss: str = "once",
        rule: str = "bptt",
        k1: int | None = None,
        k2: int | None = None,
        solver: str = "adam",
        learning_rate_init: float = 2e-3,
        learning_rate: str = "linear",
        warmup_fraction: float = 0.05,
        momentum: float = 0.9,
        alpha: float = 0.0,
        max_grad_norm: float | None = 1.0,
        gradient_floor: float = 1e-7,
        batch_size: int = 32,
        batch_tokens: int | None = None,
        max_iter: int | None = None,
        max_steps: int | None = None,
        max_seconds: float | None = None,
        shuffle: bool = True,
        dropout_input: float = 0.3,
        dropout_readout: float = 0.5,
        dropout_recurrent: float = 0.0,
        dropout_embedding: float = 0.0,
        label_smoothing: float = 0.1,
        adversarial: float = 0.0,
        ema_decay: float = 0.998,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int | None = None,
        tol: float = 0.0,
        class_weight: ClassWeight = None,
        threshold: float | str | None = None,
        dtype: str = "float32",
        n_jobs: int | None = None,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        """Store the parameters, which ``fit`` checks.

        Long: scikit-learn reads the names and defaults of all of them from this signature.

        Parameters
        ----------
        body : str, default="recurrent"
            What reads a text: "recurrent" layers of a cell; "cnn", a convolution over windows of
            3, 4 and 5 words (Kim 2014), with the readout "max" that of the paper; "feedforward",
            a layer over the mean of the words so far, with the readout "last" over the bag of all
            words (kin to Iyyer et al. 2015); or the name of one of your own, registered with
            ``textrnn.nn.bodies.register``. The last two have one direction and no cell: what
            tells of them is left alone (``bidirectional``) or must have its default (``cell``,
            ``dropout_recurrent``, ``gradient_floor``).
        cell : str, default="lstm"
            Long short-term memory, "lstm" (Hochreiter and Schmidhuber 1997), the same with its
            forget gate alone, "lstm_forget" (Johnson and Zhang 2016), or with peepholes,
            "lstm_peephole" (Gers and Schmidhuber 2000); gated recurrent unit, "gru", or as it
            was first published, "gru_reset_before" (Cho et al. 2014); a simple recurrence with
            tanh, "rnn", ReLU, "rnn_relu", or no activation, "rnn_linear"; one to which its output
            comes back, too, "jordan" (Jordan 1986); one of groups that tick at different rates,
            "clockwork" (Koutník et al. 2014); the minimal ones, whose gates see the input
            alone, "mingru" and "minlstm" (Feng et al. 2024), some times as fast; or the name of
            one of your own, registered with ``textrnn.nn.cells.register``.
        hidden_size : int, default=64
            Units of each layer and direction; of a cnn feature maps of each size of window.
        num_layers : int, default=1
            Layers of the body, one on top of the other.
        bidirectional : bool, default=True
            Read each text from both ends.
        readout : {"max", "mean", "last", "max_mean", "max_mean_last", "attention"}, default="max"
            What of all states reaches the linear layer: each unit's largest value, their
            mean, or the state after the text's own last word; some of these side by side; or
            a weighted mean, with weights that are learned (Yang et al. 2016).
        segment_length : int or None, default=None
            Read longer texts in segments of at most so many words, side by side and each from an
            empty state; the readout goes over all of them (Johnson and Zhang 2016). Long texts
            train about twice as fast. None reads texts whole.
        embedding : {"random", "word2vec", "onehot"} or path, default="random"
            What a word enters as: a vector learned from a random start, or from word2vec
            trained on the same texts, or from a file (word2vec text or binary, GloVe);
            or a one-hot vector.
        embedding_dim : int, default=100
            Size of the word vectors; a file brings its own.
        init_from : path or None, default=None
            The folder of a language model to begin from, see ``TextRNNLanguageModel``: its vectors
            of the words that both know, whose size is then its, and the weights of its layers where
            they have the same cell and size; of both directions the first one's.
        freeze_embedding : bool, default=False
            Keep the word vectors as they are.
        tokenizer : {"word", "char", "every_char", "jieba", "blank"} or callable, default="word"
            How a text is cut into tokens; a callable takes a string and returns a list.
        lowercase : bool, default=True
            Ignore case. A callable tokenizer sees to that itself.
        min_df, max_df : int or float, default=1 and 1.0
            Words in fewer or more training texts than this (a share if float) are unknown.
        max_features : int or None, default=30000
            Size of the vocabulary: the most frequent words.
        max_length : int or None, default=1000
            Words read of each text, from its beginning. None reads all.
        unknown_alpha : float, default=0.25
            In training a word that occurs n times becomes the unknown word with
            probability ``alpha / (n + alpha)`` (Kiperwasser and Goldberg 2016).
        unknown_words : {"nearest", "same"}, default="nearest"
            Whether a word that is not in the vocabulary is first read as a known one that is one
            edit away, or all such words are read as the same. An edit is a letter
            too many, too few or wrong, or two neighbours that changed places; of several the most
            frequent word is meant. Only words of four letters or more, and nothing but letters, are
            read so: in prediction and streaming, and where training texts hold words that
            ``min_df``, ``max_df`` or ``max_features`` left out. The n-grams are fitted to words as
            they are written; in prediction they take the known word unless they have a weight for
            the other.
        ngrams : {"auto", "words", "characters", "none"}, default="auto"
            A linear model over n-grams beside the network (Wang and Manning 2012), whose logits
            are added to the network's: of up to three words, or of these and of 2 to 5 characters
            within a word. "auto" takes both, or the words alone of more than 1.5 million tokens.
            ``partial_fit`` trains the network alone, and after ``fit`` drops the n-grams.
        loss : {"once", "every", "growing"}, default="once"
            Which answers are corrected in training: the one at a text's end; those after each of
            its words, by the readout of what was read so far, with the mean of their losses,
            1/T sum_t l(o_t, y); or the same with weights that grow, 2t / (T (T + 1)). Trained so,
            a network answers better after the first quarter of a text's words; an LSTM on IMDB did
            no better after half of them, and a little worse at the end. The errors of all words are
            carried back to the first one before the weights change. "every" and "growing" need
            ``bidirectional=False`` and ``segment_length=None``. The loss in the history is the one
            that is minimised, its accuracy that of the last answers; dropout of the readout keeps
            one mask for all answers of a text.
        rule : {"bptt", "tbptt", "rtrl", "ekf"}, default="bptt"
            How the network learns: backpropagation through time, "bptt"; truncated, "tbptt"
            (Williams and Peng 1990); real-time recurrent learning, "rtrl", the gradient of "bptt"
            carried forward, for small networks of one layer (Williams and Zipser 1989); the
            extended Kalman filter, "ekf", for small networks, too, which finds its own steps
            (Puskorius and Feldkamp 1994). All but "bptt" need ``bidirectional=False`` and whole
            texts.
        k1, k2 : int or None, default=None
            Of the rules "tbptt" and "ekf": words read between two updates (None is 20, and with
            "ekf" whole texts), and words that are gone back over at most, twice as many if None.
        solver : {"adam", "sgd"}, default="adam"
            The optimiser.
        learning_rate_init : float, default=0.002
            The highest learning rate.
        learning_rate : {"linear", "cosine", "slanted", "constant"}, default="linear"
            How it falls over the run, after a warm-up. "slanted" is linear too, but begins and
            ends at a 32nd of the highest rate (Howard and Ruder 2018).
        warmup_fraction : float, default=0.05
            Share of the run over which the learning rate rises.
        momentum : float, default=0.9
            Of ``solver="sgd"``.
        alpha : float, default=0.0
            Weight decay, decoupled from the gradient; not on biases and word vectors.
        gradient_floor : float, default=1e-7
            With the last readout, where the backward pass through a text ends: at this share of
            the batch's largest gradient. 0 goes through all texts to their first word. float64
            always does.
        max_grad_norm : float or None, default=1.0
            Gradients of a larger norm are scaled down to it.
        batch_size : int, default=32
            Texts in a step.
        batch_tokens : int or None, default=None
            Words in a step, on average, instead of a number of texts: few long texts or many
            short ones.
        max_iter : int or None, default=None
            Epochs at most. None takes as many as make up some 3,000 steps, from 4 to 50.
        max_steps : int or None, default=None
            Steps of all epochs together, after which the learning rate has come to its end; the
            last epoch may be a part.
        max_seconds : float or None, default=None
            Time of ``fit`` at most. A few steps are timed, and no more are planned than fit, so
            that two runs need not be alike; ``max_steps`` does the same again. What comes before
            the steps (tokens, word2vec, one n-gram model) takes the time it takes, and at least
            one step is done.
        shuffle : bool, default=True
            Draw a new order in every epoch.
        dropout_input, dropout_readout : float, default=0.3 and 0.5
            Share of the inputs of each recurrent layer, and of the vector that reaches
            the linear layer, that is dropped in training.
        dropout_recurrent, dropout_embedding : float, default=0.0 and 0.0
            Share of the recurrent weights that is dropped in a step, and share of the words
            whose whole vector is, wherever they stand in the step's texts (AWD-LSTM, Merity
            et al. 2018).
        label_smoothing : float, default=0.1
            Share of each label that is spread evenly over all classes in training (Szegedy
            et al. 2016).
        adversarial : float, default=0.0
            Above 0 each step is taken twice, the second time with the word vectors perturbed by
            this share of their length to where the loss grows fastest (Miyato et al. 2017); 0.3 is
            usual.
            Training takes twice as long.
        ema_decay : float, default=0.998
            Above 0, the model is an exponential moving average of the weights over some
            ``1 / (1 - ema_decay)`` steps; that is what is validated, too. ``partial_fit``
            does not average.
        early_stopping : bool, default=True
            Hold back part of the training texts, stop when the accuracy on them no longer
            rises, and keep the best weights.
        validation_fraction : float, default=0.1
            The share that is held back, stratified by class.
        n_iter_no_change : int or None, default=None
            Epochs to wait for a better accuracy. None waits for a third of all, at least 2.
        tol : float, default=0.0
            By how much it must be better.
        class_weight : dict, "balanced" or None, default=None
            Weight of each class in the loss; a dictionary has all classes.
        threshold : float, "f1" or None, default=None
            Of two classes, the probability from which the second of ``classes_`` is predicted;
            None predicts the more probable one. Of many labels a text, the probability from
            which it has a label; None is 0.5. "f1" takes what has the highest F1 on the held-back
            texts, by their weights unless there is a ``class_weight``: of the class that is rarer
            in training, or micro-averaged over the labels.
        dtype : {"float32", "float64"}, default="float32"
            Floating-point type of all arithmetic.
        n_jobs : int or None, default=None
            Processes that share the work; None is 1, -1 takes all cores (in training those
            that get at least 16 texts of each batch). The same seed and number give the same
            model; predictions are the same with any number. Where no more processes can be started,
            as in one of a ``multiprocessing.Pool``, fewer do the work, with a warning of how many.
        warm_start : bool, default=False
            Let ``fit`` go on from the weights of the last call, with its vocabulary.
        random_state : int, RandomState, Generator or None, default=None
            The same seed gives the same model, bit for bit.
        verbose : bool, default=False
            Show progress on stderr.
        """
        keep_parameters(self, locals())

    @classmethod
    def from_preset(cls, name: str, **changes: Any) -> Self:
        """A classifier with the parameters of a preset, and changes that count more.

        Args:
            name: "minute" (about a minute for 25,000 reviews on 2 cores), "default", "best"
                (long texts, some five minutes for 25,000 reviews) or "paper" (a plain LSTM to
                study: one way, last state, no n-grams).
            changes: other parameters.

        Raises:
            UsageError: there is no preset of that name.
        """
        return cls(**{**changes_of(name), **changes})

    def _settings(self) -> Settings:
        """The parameters as checked settings."""
        settings = Settings(**{f.name: getattr(self, f.name) for f in fields(Settings)})
        settings.validate()
        return settings
