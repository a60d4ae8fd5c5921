"""Say whether an installed textrnn, seen from outside the checkout, has all its files.

python .ci/installed.py ENVIRONMENT
"""

import sys
from importlib import metadata
from pathlib import Path

import textrnn

folder = Path(textrnn.__file__).parent
if not folder.is_relative_to(Path(sys.argv[1]).resolve()):
    raise SystemExit(f"textrnn is imported from {folder}, not from {sys.argv[1]}")
needed = ["py.typed", "corpora/data/cars", "models/sentiment-en", "models/sentiment-zh"]
lacking = [name for name in needed if not (folder / name).exists()]
if lacking:
    raise SystemExit(f"the package lacks {', '.join(lacking)}")
if metadata.version("textrnn") != textrnn.__version__:
    raise SystemExit("the metadata tell another version than the package")
sys.stdout.write(f"textrnn {textrnn.__version__} in {folder}: complete\n")
