"""What a figure was measured on."""

from __future__ import annotations

import os
import platform
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from threadpoolctl import threadpool_info

PACKAGES = (
    *("numpy", "scipy", "scikit-learn", "textrnn"),
    *("torch", "tensorflow", "tensorflow-cpu", "keras", "floret"),
)


def machine() -> dict[str, object]:
    """Processor, cores, thread pools, versions and date, for the JSON of a benchmark.

    Call it after the measurement: a thread pool shows once its library is loaded.
    """
    return {
        "date": date.today().isoformat(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "thread_pools": thread_pools(),
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        **{name: found for name in PACKAGES if (found := _version(name))},
    }


def thread_pools() -> list[dict[str, object]]:
    """Name, version, kernels and threads of each BLAS and OpenMP library in this process."""
    kept = {"internal_api": "name", "architecture": "kernels", "num_threads": "threads"}
    return [
        {
            "library": Path(pool["filepath"]).name,
            "version": pool["version"],
            **{ours: pool[theirs] for theirs, ours in kept.items() if theirs in pool},
        }
        for pool in threadpool_info()
    ]


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
