"""The table of recurrent cells: a new cell is a new file and a row here."""

from textrnn.nn.cells.base import Cell, Step, Trace
from textrnn.nn.cells.gru import GRU
from textrnn.nn.cells.lstm import LSTM
from textrnn.nn.cells.lstm_forget import ForgetLSTM
from textrnn.nn.cells.rnn import ReluRNN, TanhRNN

CELLS: dict[str, Cell] = {
    cell.name: cell for cell in (TanhRNN(), ReluRNN(), LSTM(), ForgetLSTM(), GRU())
}

__all__ = ["CELLS", "GRU", "LSTM", "Cell", "ForgetLSTM", "ReluRNN", "Step", "TanhRNN", "Trace"]
