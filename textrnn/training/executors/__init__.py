"""Where a learning rule runs: in one process or in several."""
