"""The numeric core: pure functions over arrays, packed batches, cells and optimisers."""
