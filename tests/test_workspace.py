"""Buffers by name: of the shape and type asked for, and no two names in one."""

from __future__ import annotations

import numpy as np

from textrnn.nn.workspace import Workspace

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


def test_a_buffer_has_the_shape_and_type_asked_for() -> None:
    space = Workspace()
    for shape, dtype in (((2, 3), SINGLE), ((4, 5), SINGLE), ((2, 3), DOUBLE), ((3,), SINGLE)):
        taken = space.take("a", shape, dtype)
        assert (taken.shape, taken.dtype) == (shape, dtype)
        taken[...] = 1.0


def test_a_buffer_is_used_again_while_it_is_large_enough() -> None:
    space = Workspace()
    first = space.take("a", (6,), SINGLE)
    assert np.shares_memory(first, space.take("a", (2, 3), SINGLE))
    assert np.shares_memory(first, space.take("a", (4,), SINGLE))
    assert not np.shares_memory(first, space.take("a", (7,), SINGLE))


def test_names_and_parts_have_buffers_of_their_own() -> None:
    space = Workspace()
    taken = [
        space.take("a", (4,), SINGLE),
        space.take("b", (4,), SINGLE),
        space.part("one").take("a", (4,), SINGLE),
        space.part("two").take("a", (4,), SINGLE),
    ]
    for number, buffer in enumerate(taken):
        buffer[...] = number
    assert [buffer.tolist() for buffer in taken] == [[float(i)] * 4 for i in range(4)]
    assert space.part("one") is space.part("one")
