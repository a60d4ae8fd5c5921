"""``python -m textrnn``."""

from textrnn.cli import main

if __name__ == "__main__":
    main()
