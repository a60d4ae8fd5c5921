"""The reader of safetensors agrees with the package that writes them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from safetensors.numpy import load, save

from textrnn.system.weights_file import tensors
from textrnn.typing import Floats, RawBytes

FLOATS = st.sampled_from([np.float32, np.float64]).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_side=0, max_side=4))
)


def raw(content: bytes) -> RawBytes:
    return np.frombuffer(content, dtype=np.uint8)


@given(st.dictionaries(st.text(max_size=5).filter(lambda name: name != "__metadata__"), FLOATS))
def test_reads_what_the_package_reads(written: dict[str, Floats]) -> None:
    content = save(written)
    found, expected = tensors(raw(content)), load(content)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)


def test_a_note_in_the_header_is_no_tensor() -> None:
    content = save({"a": np.ones(3, np.float32)}, metadata={"made by": "hand"})
    assert list(tensors(raw(content))) == ["a"]


def test_numbers_stay_where_they_are() -> None:
    content = np.array(raw(save({"a": np.ones(3, np.float32)})))
    (value,) = tensors(content).values()
    assert np.shares_memory(value, content)
    assert value.flags.writeable


def test_files_are_little_endian_and_arrays_are_of_the_machine() -> None:
    content = save({"a": np.array([1.5, -2.0], ">f4")})
    assert content.endswith(b"\0\0\xc0\x3f\0\0\0\xc0")
    (found,) = tensors(raw(content)).values()
    assert found.dtype.isnative
    assert found.tolist() == [1.5, -2.0]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        b"\xff" * 8,
        b"\x02" + bytes(7) + b"[1",
        b"\x03" + bytes(7) + b"[1]",
        b"\x01" + bytes(7) + b"1",
        save({"a": np.ones(3, np.float32)})[:-1],
        save({"a": np.ones(3, np.float32)}).replace(b"[3]", b"[4]"),
        save({"a": np.ones(3, np.float32)}).replace(b"[0,12]", b"[0,10]"),
        save({"a": np.ones(3, np.int32)}),
    ],
)
def test_refuses_what_is_no_such_file(content: bytes) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        tensors(raw(content))
