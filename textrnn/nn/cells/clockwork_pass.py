"""The clockwork network over a whole batch: four simple networks, the slowest first.

A group hears no faster one. So its states at all of its ticks are known before those of the next
faster group, and what that hears of it is one product over all of them; what is left for the steps
is the simple network of a quarter of the units, over every p-th word (``nn.cells.ticks``). Back it
goes from the fastest group to the slowest: a group has its gradient from the outputs and from all
that heard it before its own steps begin.

What a group leaves for the next, H wide, has for each of its rows the states of itself and of
slower groups in their columns, and in those of faster groups what they hear of all these. On the
way back there are the gradients of the same.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from textrnn.nn.cells.batch_pass import CHECK_EVERY, BatchPass
from textrnn.nn.cells.ticks import PERIODS, Ticks, groups, ticks_of
from textrnn.nn.packed import PackedBatch
from textrnn.nn.workspace import Workspace
from textrnn.typing import Floats, Ints, Params


class ClockworkPass(BatchPass):
    """Each direction by itself, at the same ticks."""

    def __init__(
        self,
        weights: Params,
        batch: PackedBatch,
        *,
        gates: Floats,
        states: Params,
        initial: Params | None,
        read_before: Ints | None,
        workspace: Workspace,
    ) -> None:
        assert read_before is not None
        S, _, H = states["h"].shape
        ticks = ticks_of(batch, read_before, PERIODS[: len(groups(H))])
        self._offsets, self._directions = batch.offsets, []
        for s in range(S):
            W_h, x, h = weights["W_h"][0, s], gates[0, s], states["h"][s]
            h_0, slower = None if initial is None else initial["h"][s], None
            of_groups = [
                _Group(ticks[i], units, PERIODS[i], workspace.part(f"way {s}, group {i}"))
                for i, units in enumerate(groups(H))
            ]
            for group in reversed(of_groups):
                slower = group.read(W_h, x, h, h_0, slower)
            self._directions.append(of_groups)

    def backward(
        self,
        params: Params,
        *,
        d_outputs: Floats | None,
        d_states: Params,
        floor: float,
        d_gates: Floats,
    ) -> tuple[int, Params]:
        d_W_h, steps = np.zeros_like(params["W_h"]), 0
        d_gates[...] = 0.0
        for s, of_groups in enumerate(self._directions):
            W_h, d_h = params["W_h"][0, s], d_states["h"][s]
            d = None if d_outputs is None else d_outputs[s]
            for group in of_groups:
                d_z, of_group = group.back(W_h, d, d_h, floor, d_W_h[0, s])
                group.give(d_z, d_gates[0, s])
                d, steps = group.hand_on(d, d_z), max(steps, of_group)
        return int(self._offsets[: steps + 1][-1]), {"W_h": d_W_h}


class _Group:
    """One group of units in one direction.

    Args:
        ticks: its own.
        units: which they are, w of H.
        period: of its ticks.
        space: where its states are kept.
    """

    def __init__(self, ticks: Ticks, units: slice, period: int, space: Workspace) -> None:
        self._ticks, self._units, self._period, self._space = ticks, units, period, space
        self._states: Floats

    def read(
        self, W_h: Floats, x: Floats, h: Floats, initial: Floats | None, slower: Floats | None
    ) -> Floats:
        """Take all steps; return what it leaves for the next faster group, (B + n, H).

        Args:
            W_h: (H, H).
            x: input products, (N, H).
            h: what the fastest group leaves, without the first B rows: the outputs, (N, H).
            initial: the states to begin with, (B, H).
            slower: what the next slower group left.
        """
        ticks, units, B = self._ticks, self._units, len(self._ticks.order)
        faster = slice(units.start)
        own = self._states = self._room("states", (ticks.n_rows, units.stop - units.start), x)
        own[:B] = 0.0 if initial is None else initial[ticks.order, units]
        own[B:] = x[ticks.rows, units] if units.start else x[:, units]
        if slower is not None:
            assert ticks.slower is not None
            rows = ticks.slower[ticks.before]
            own[B:] += self._taken(np.ascontiguousarray(slower[:, units]), rows)
        W = np.ascontiguousarray(W_h[units, units])
        if initial is not None:
            own[ticks.first] += own[: len(ticks.first)] @ W
        _walk(own, W, ticks.steps, self._room("product", (B, len(W)), x))
        left = self._room("left", (ticks.n_rows, len(W_h)), x) if units.start else h
        n = len(left)
        if slower is None:
            left[:, faster] = 0.0
        else:
            assert ticks.slower is not None
            np.take(slower, ticks.slower[-n:], axis=0, out=left, mode="clip")
        left[:, units] = own[-n:]
        if units.start:
            product = self._room("products", (n, units.start), x)
            left[:, faster] += np.matmul(own, W_h[units, faster], out=product)
        return left

    def back(
        self, W_h: Floats, d: Floats | None, d_states: Floats, floor: float, d_W_h: Floats
    ) -> tuple[Floats, int]:
        """Take the steps back.

        Args:
            W_h: (H, H).
            d: gradient of the first rows that it left; of the fastest group the outputs'; or None.
            d_states: that of the final states, (B, H); replaced by that of the initial ones.
            floor: of a gradient that may be left out.
            d_W_h: receives that of the weights from these units, (H, H).

        Returns:
            The gradient of the inputs of its last ticks, (m, w), to which it came; and how many
            words from the ends back it was above the floor.
        """
        ticks, units, own = self._ticks, self._units, self._states
        B, W_T = len(ticks.order), np.ascontiguousarray(W_h[units, units].T)
        d_own, reached = self._d_own(W_h, d, d_W_h)
        d_own[ticks.here[:B]] += d_states[:, units]
        h, d_z = own[B:], self._room("d_z", own[B:].shape, own)
        np.multiply(h, h, out=d_z)
        np.subtract(1.0, d_z, out=d_z)
        product = self._room("product", (B, len(W_T)), own)
        look = _Look(max(CHECK_EVERY // self._period, 1), floor, reached)
        passed, steps = _walk_back(d_own, d_z, W_T, ticks.steps, product, look)
        d_z = d_z[:passed]
        begun = np.flatnonzero(ticks.first < B + passed)
        d_own[begun] += d_z[ticks.first[begun] - B] @ W_T
        d_states[ticks.order, units] = d_own[:B]
        d_W_h[units, units] = self._taken(own, ticks.before[:passed]).T @ d_z
        return d_z, steps * self._period

    def _d_own(self, W_h: Floats, d: Floats | None, d_W_h: Floats) -> tuple[Floats, int]:
        """The gradient of its states from all but its own steps; and how many rows have any."""
        units, faster, own = self._units, slice(self._units.start), self._states
        d_own = self._room("d_own", own.shape, own)
        d_own[...] = 0.0
        if d is None:
            return d_own, 0
        rows = self._rows_of(d)
        if d.shape[1] > units.start:
            d_own[rows] = d[:, units]
        if units.start:
            product = self._room("taken", (len(d), len(own[0])), own)
            d_own[rows] += np.matmul(d[:, faster], W_h[units, faster].T, out=product)
            d_W_h[units, faster] = own[rows].T @ d[:, faster]
        return d_own, rows.stop

    def _rows_of(self, d: Floats) -> slice:
        """Those of a gradient: the outputs' begin after the initial states."""
        begin = 0 if self._units.start else len(self._ticks.order)
        return slice(begin, begin + len(d))

    def give(self, d_z: Floats, d_x: Floats) -> None:
        """Write that gradient into the rows of the batch, (N, H)."""
        if self._units.start:
            d_x[self._ticks.rows[: len(d_z)], self._units] = d_z
        else:
            d_x[: len(d_z), self._units] = d_z

    def hand_on(self, d: Floats | None, d_z: Floats) -> Floats | None:
        """The gradient of what the next slower group left, of as many rows as have any."""
        ticks, units = self._ticks, self._units
        if ticks.slower is None:
            return None
        heard = ticks.slower[ticks.before[: len(d_z)]]
        held = ticks.slower[:0] if d is None else ticks.slower[self._rows_of(d)]
        n = int(max(heard.max(initial=-1), held.max(initial=-1))) + 1
        d_heard = _sums(d_z, heard, n)
        if d is None:
            return d_heard
        found = _sums(d, held, n)
        if d.shape[1] == units.start:  # of the states between the ticks there is none
            return np.concatenate([found, d_heard], axis=1)
        found[:, units] = d_heard
        return found

    def _taken(self, values: Floats, rows: Ints) -> Floats:
        out = self._room("taken", (len(rows), values.shape[1]), values)
        return np.take(values, rows, axis=0, out=out, mode="clip")

    def _room(self, name: str, shape: tuple[int, ...], like: Floats) -> Floats:
        return self._space.take(name, shape, like.dtype)


def _walk(own: Floats, W: Floats, steps: list[tuple[int, int, int]], product: Floats) -> None:
    """The simple network's steps, from the first one: inputs become states."""
    for start, end, carried in reversed(steps):
        z = own[start:end]
        if carried:
            np.dot(own[end : end + carried], W, product[:carried])
            z_carried = z[:carried]
            np.add(z_carried, product[:carried], z_carried)
        np.tanh(z, z)


class _Look(NamedTuple):
    """When to look at how small a gradient has become."""

    every: int
    """Steps between two looks, the first one before the last step."""
    floor: float
    """What is below may be left out."""
    reached: int
    """The rows that have a gradient from elsewhere."""


def _walk_back(
    d_own: Floats,
    d_z: Floats,
    W_T: Floats,
    steps: list[tuple[int, int, int]],
    product: Floats,
    look: _Look,
) -> tuple[int, int]:
    """The steps back, but for the states before the first ticks.

    It goes on below the floor, as slower groups may not be there yet, but not into numbers that are
    denormal: these are slow, and nothing beside any other.

    Args:
        d_own: the gradient of the states, (B + n, w); that of earlier ones comes on top.
        d_z: the slope of the tanh at each tick, (n, w); becomes the gradient of its inputs.
        W_T: the weights, transposed.
        steps: see ``Ticks``.
        product: room for one, (B, w).
        look: when it may end.

    Returns:
        How many ticks it came to, and how many steps there are to the first look that found less
        than the floor.
    """
    B, passed, above = len(product), 0, len(steps)
    tiny = float(np.finfo(d_z.dtype).tiny)
    for k, (start, end, carried) in enumerate(steps):
        d_h, z = d_own[start:end], d_z[start - B : end - B]
        if k % look.every == 0 and (look.floor or start >= look.reached):
            size = float(np.abs(d_h).max())
            above = min(above, k) if size < look.floor else above
            if size < tiny and start >= look.reached:
                break
        passed = end - B
        np.multiply(z, d_h, z)
        if carried:
            np.dot(z[:carried], W_T, product[:carried])
            before = d_own[end : end + carried]
            np.add(before, product[:carried], before)
    return passed, above


def _sums(d: Floats, rows: Ints, n: int) -> Floats:
    """The sums of what goes to the same of n rows, (n, ...): the way back of a gather."""
    from scipy.sparse import csc_array

    ones = np.ones(len(rows), d.dtype)
    found: Floats = csc_array((ones, rows, np.arange(len(rows) + 1)), shape=(n, len(rows))) @ d
    return found
