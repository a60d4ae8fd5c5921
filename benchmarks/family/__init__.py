"""What each cell and each learning rule can do: long memory, counting, grammar, a wave.

    python -m benchmarks.family [PART ...]

Each part is a file with ``run`` and ``table``, and a row of ``__main__.PARTS``; each task is a
file that draws its sequences from a seed. The figures are those of docs/family.md.
"""
