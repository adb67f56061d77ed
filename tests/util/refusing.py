"""A machine that refuses: a full disk, a limit of size or of open files, no permission."""

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only a superuser mounts file systems"
)
unprivileged = pytest.mark.skipif(
    not hasattr(os, "seteuid"), reason="this system has no user ids to change"
)


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int):
    """Mount a disk of this size on a folder; yields a function that gives it another size."""
    folder.mkdir(parents=True, exist_ok=True)

    def mount(*options):
        return subprocess.run(["mount", *map(str, options)], capture_output=True)

    if mount("-t", "tmpfs", "-o", f"size={kilobytes}k,mode=700", "tmpfs", folder).returncode:
        pytest.skip("this system lets nobody mount a file system")
    try:
        yield lambda options: mount("-o", f"remount,{options}", folder)
    finally:
        subprocess.run(["umount", "-l", folder], capture_output=True)


@contextlib.contextmanager
def limited(kind: str, value: int):
    """Lower a limit of this process, RLIMIT_<kind>."""
    resource = pytest.importorskip("resource")
    number = getattr(resource, f"RLIMIT_{kind}")
    before = resource.getrlimit(number)
    resource.setrlimit(number, (min(value, before[1]) if before[1] > 0 else value, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(number, before)


def few_files(spare: int):
    """Let this process open no more than `spare` further files."""
    handles = [os.open(os.devnull, os.O_RDONLY)]
    highest = handles[0]
    os.close(highest)
    return limited("NOFILE", highest + spare)


@contextlib.contextmanager
def as_nobody():
    """Be a user without any permission for a while."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if before == 0:
            os.seteuid(before)
