"""What the figures were measured on: processor, cores, memory, versions; no name, no path."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

FLAGS = ("avx2", "fma", "avx512f", "avx512vl", "avx512_bf16", "amx_tile", "asimd", "sve")


def describe() -> dict[str, Any]:
    """The machine, as it describes itself."""
    model, flags = _processor()
    return {
        "processor": model,
        "instruction_sets": [flag for flag in FLAGS if flag in flags],
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "caches": _caches(),
        "memory_gib": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def _processor() -> tuple[str, set[str]]:
    model, flags = platform.processor() or platform.machine(), set[str]()
    description = Path("/proc/cpuinfo")
    if not description.exists():
        return model, flags
    for line in description.read_text().splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if key == "model name":
            model = value
        elif key in ("flags", "Features"):
            flags = set(value.split())
    family = _field(description, "cpu family"), _field(description, "model")
    return (f"{model} (family {family[0]}, model {family[1]})" if all(family) else model), flags


def _field(description: Path, name: str) -> str | None:
    for line in description.read_text().splitlines():
        key, _, value = (part.strip() for part in line.partition(":"))
        if key == name:
            return value
    return None


def _caches() -> list[str]:
    answer = []
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (
            (index / name).read_text().strip() for name in ("level", "type", "size")
        )
        answer.append(f"L{level} {kind.lower()} {size}")
    return answer


def _memory() -> float | None:
    if not hasattr(os, "sysconf") or sys.platform == "win32":
        return None
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
