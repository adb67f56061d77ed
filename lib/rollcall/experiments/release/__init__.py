"""The release check: whom does one model that exists expose?"""

from __future__ import annotations

from rollcall.experiments.release.assess import Release, check_release

__all__ = ["Release", "check_release"]
