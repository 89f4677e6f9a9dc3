"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

__all__ = ["conditions", "last_core"]


def conditions(core: int | None) -> dict[str, Any]:
    """Return processor, system, date and load."""
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "core": core,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": [round(each, 2) for each in os.getloadavg()] if hasattr(os, "getloadavg") else [],
    }


def last_core() -> int | None:
    """Return the last core that this process may run on, None where the system cannot pin."""
    if sys.platform != "linux":
        return None
    return max(os.sched_getaffinity(0))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
