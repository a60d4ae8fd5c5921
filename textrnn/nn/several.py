"""The gradients of several numbers, each by itself: one way back for copies side by side.

A backward pass sums over documents. Here one document is gone back over with as many gradients of
its outputs as there are numbers; a cell takes its steps with all of them at once, as it would with
so many documents. Only what is made of all steps together is made for each by itself.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from textrnn.nn import recurrent
from textrnn.nn.bodies.base import Body
from textrnn.nn.bodies.passes import BodyCache, LayerCache
from textrnn.nn.bodies.recurrent import RecurrentLayer
from textrnn.nn.cells import Cell, Trace
from textrnn.nn.gradients import Gradients
from textrnn.nn.inputs import multiply_backward
from textrnn.nn.packed import PackedBatch, pack_spans
from textrnn.nn.projection import sum_by_index
from textrnn.typing import Floats, Params


def backward_each(body: Body, cache: BodyCache, d_outputs: Floats) -> list[Gradients]:
    """What ``Body.backward`` finds for each of R gradients of the outputs.

    Args:
        body: of recurrent layers that read one way.
        cache: of a forward pass over one document.
        d_outputs: gradients of the top layer's outputs, (R, N, H).
    """
    gradients: list[Gradients] = [{} for _ in d_outputs]
    if not gradients:
        return gradients
    for number in reversed(range(body.num_layers)):
        layer, of_cache = body.layers[number], cache.layers[number]
        assert isinstance(layer, RecurrentLayer)
        found = _through_layer(layer, of_cache, cache, d_outputs)
        weights, below = layer.of_inputs(body.layer(number)), []
        for one, (products, own) in zip(gradients, found, strict=True):
            of_weights: Gradients
            if number:
                d_x, dense = multiply_backward(products, of_cache.inputs, weights)
                of_weights = {**dense}
                below.append(d_x)
            else:
                _, of_weights, of_input = body.input.backward(
                    products, of_cache.inputs, weights, cache.batch
                )
                one |= of_input
            for name, mask in of_cache.masks.items():
                own[name] *= mask
            of_layer = {**own, **layer.of_inputs_backward(of_weights)}
            one |= {f"{body.prefix}.{number}.{name}": value for name, value in of_layer.items()}
        d_outputs = np.stack(below) if below else d_outputs
    return gradients


def _through_layer(
    layer: RecurrentLayer, of_cache: LayerCache, cache: BodyCache, d_outputs: Floats
) -> list[tuple[Floats, Params]]:
    """Of each, the gradient of the input products and those of the layer's own parameters."""
    R, N, H = d_outputs.shape
    trace, batch, cell = of_cache.trace, cache.batch, layer.cell
    zeros = np.zeros(R, np.int64)
    copies, _ = pack_spans(batch, zeros, zeros, np.repeat(batch.lengths, R))
    initial = trace.initial and {n: value.repeat(R, axis=1) for n, value in trace.initial.items()}
    of_copies = replace(
        trace,
        gates=np.ascontiguousarray(trace.gates.repeat(R, axis=2)),
        states={name: value.repeat(R, axis=1) for name, value in trace.states.items()},
        scratch=np.zeros((len(trace.gates), 1, R, H), trace.gates.dtype),
        initial=initial,
        read_before=None if trace.read_before is None else trace.read_before.repeat(R),
        batch_pass=None,
    )
    side_by_side = d_outputs.swapaxes(0, 1).reshape(1, N * R, H)
    d_gates, _, _ = recurrent.backward(
        cell, of_cache.weights, of_copies, copies, d_outputs=side_by_side
    )
    K, n = len(d_gates), of_cache.n_products
    wide = d_gates.reshape(K, 1, N, R * H)  # the copies of a row lie side by side
    d_activated = sum_by_index(wide, of_cache.indices, n).reshape(K, 1, n, R, H)
    d_gates = d_gates.reshape(K, 1, N, R, H)
    found = []
    for r in range(R):
        products = np.ascontiguousarray(d_activated[..., r, :])
        # A way back may leave something in the arrays of states.
        states = {name: values[:, r::R] for name, values in of_copies.states.items()}
        of_one = replace(trace, gates=of_copies.gates[:, :, r::R], states=states)
        own = _weight_gradients(cell, of_one, batch, d_gates[..., r, :])
        found.append((cell.activate_backward(products, trace.activated), own))
    return found


def _weight_gradients(cell: Cell, trace: Trace, batch: PackedBatch, d_gates: Floats) -> Params:
    def previous(name: str) -> Floats:
        return recurrent.states_before(trace, name, batch, batch.previous_rows)

    return cell.weight_gradients(trace, previous, d_gates)
