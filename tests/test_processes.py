"""What a process raises comes back, also where it cannot be sent."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from textrnn.errors import WorkerError
from textrnn.system.processes import Processes


class NeedsTwoError(Exception):
    """Pickled, it forgets one of the arguments that it is made from."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")


class HoldsAFunctionError(Exception):
    """Holds what cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("a function inside")
        self.function = lambda: None


def raising(_: Any) -> Callable[[Any], Any]:
    """What raises in the other process, and answers the next message."""

    def answer(message: str) -> str:
        if message == "lookup":
            raise LookupError("nothing there")
        if message == "two":
            raise NeedsTwoError("lexicon", "page 3 is missing")
        if message == "function":
            raise HoldsAFunctionError
        return message.upper()

    return answer


@pytest.fixture(scope="module")
def one() -> Iterator[Processes]:
    processes = Processes(raising, [None])
    yield processes
    processes.close()


def test_an_error_comes_back_as_it_is(one: Processes) -> None:
    one.send(0, "lookup")
    with pytest.raises(LookupError, match="nothing there"):
        one.receive(0)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("two", "NeedsTwoError: lexicon: page 3 is missing"),
        ("function", "HoldsAFunctionError: a function inside"),
    ],
)
def test_an_error_that_cannot_be_sent_is_told(one: Processes, message: str, told: str) -> None:
    one.send(0, message)
    with pytest.raises(WorkerError, match=told) as caught:
        one.receive(0)
    assert "Traceback" in caught.value.__notes__[0]
    one.send(0, "still there")
    assert one.receive(0) == "STILL THERE"


def failing(job: int) -> Callable[[Any], Any]:
    """What answers in a process, unless its job is 1."""
    if job == 1:
        raise MemoryError("no room")
    return lambda message: message


def test_fewer_processes_where_one_cannot_begin_its_work(capfd: pytest.CaptureFixture[str]) -> None:
    processes = Processes(failing, [0, 1, 2])
    try:
        assert processes.started() == [0, 2]
        with pytest.warns(UserWarning, match=r"^3 processes work, .*: no room$"):
            processes.tell_lost()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            processes.tell_lost()
        with pytest.raises(WorkerError, match="no room"):
            processes.is_ready(1)
    finally:
        processes.close()
    assert capfd.readouterr().err == ""
