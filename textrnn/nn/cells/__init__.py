"""The table of recurrent cells: a new cell is a new file and a name here.

One from outside the package calls ``register`` (docs/extending.md).
"""

from textrnn.nn.cells.base import (
    CELLS,
    Cell,
    add_recurrence,
    back_through_weights,
    halved_tanh_to_sigmoid,
    register,
)
from textrnn.nn.cells.clockwork import Clockwork
from textrnn.nn.cells.gru import GRU
from textrnn.nn.cells.gru_reset_before import ResetBeforeGRU
from textrnn.nn.cells.input_gated import InputGated
from textrnn.nn.cells.jordan import Jordan
from textrnn.nn.cells.lstm import LSTM
from textrnn.nn.cells.lstm_forget import ForgetLSTM
from textrnn.nn.cells.lstm_peephole import PeepholeLSTM
from textrnn.nn.cells.mingru import MinGRU
from textrnn.nn.cells.minlstm import MinLSTM
from textrnn.nn.cells.reader import FastReader, Reader
from textrnn.nn.cells.rnn import LinearRNN, ReluRNN, TanhRNN
from textrnn.nn.cells.step import TIME, Step, Trace

for _cell in (
    *(TanhRNN, ReluRNN, LinearRNN, Jordan, Clockwork),
    *(LSTM, ForgetLSTM, PeepholeLSTM),
    *(GRU, ResetBeforeGRU),
    *(MinGRU, MinLSTM),
):
    register(_cell)

__all__ = [
    "CELLS",
    "GRU",
    "LSTM",
    "TIME",
    "Cell",
    "Clockwork",
    "FastReader",
    "ForgetLSTM",
    "InputGated",
    "Jordan",
    "LinearRNN",
    "MinGRU",
    "MinLSTM",
    "PeepholeLSTM",
    "Reader",
    "ReluRNN",
    "ResetBeforeGRU",
    "Step",
    "TanhRNN",
    "Trace",
    "add_recurrence",
    "back_through_weights",
    "halved_tanh_to_sigmoid",
    "register",
]
