"""Failures of a device: whether memory was short, and whether the device can go on."""

from __future__ import annotations

import contextlib
import gc
import re

import torch

from rollcall.training.device import wait
from rollcall.util.errors import InputError

# What torch's allocator lacks memory for is a torch.OutOfMemoryError; what cuBLAS, cuDNN, the
# driver and compilers lack it for is a RuntimeError with one of these texts. cuDNN does not say
# why none of its engines ran: each was tried, and the usual reason is its workspace.
# CUDNN_STATUS_INTERNAL_ERROR and CUBLAS_STATUS_NOT_INITIALIZED have other causes as well, and are
# not here: the plain layout that follows any other failure takes the least memory anyway.
LACKS_MEMORY = re.compile(
    "out[ _]?of[ _]?memory|STATUS_ALLOC_FAILED|unable to find an engine to execute|"
    "unable to find a valid cuDNN algorithm",
    re.IGNORECASE,
)


class DeviceLostError(InputError):
    """Report a device that answers nothing any more in this process; another process may use it."""


class ReportedError(RuntimeError):
    """Stand for a failure in another process, described as describe_failure does."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether a device lacked memory: in an error, or in one that it was raised after.

    An error within a recording is followed by one of the recording.
    """
    return any(
        isinstance(one, torch.OutOfMemoryError)
        or (isinstance(one, RuntimeError) and LACKS_MEMORY.search(str(one)) is not None)
        for one in _chain(error)
    )


def describe_failure(error: BaseException) -> str:
    """Describe an error in one line, with the first one that led to it."""
    first = _chain(error)[-1]
    return _line(error) if first is error else f"{_line(error)} (after {_line(first)})"


def _chain(error: BaseException | None) -> list[BaseException]:
    """List an error, and those that it was raised after, back to the first one."""
    errors: list[BaseException] = []
    while error is not None and error not in errors:
        errors.append(error)
        error = error.__cause__ or error.__context__
    return errors


def _line(error: BaseException) -> str:
    if isinstance(error, ReportedError):
        return str(error)
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def free_memory(device: str) -> None:
    """Give back the memory of what is not held any more, stacks that hold themselves included.

    Called outside of an `except` block: its traceback holds the frames, and they the tensors.
    """
    gc.collect()
    if device.startswith("cuda"):
        # torch's allocator can hold that a broken recording goes on, and then refuses; what it
        # keeps is used again all the same
        with contextlib.suppress(RuntimeError):
            torch.cuda.empty_cache()


def device_answers(device: str) -> bool:
    """Return whether a device still works in this process, once it has done what it was given.

    After an assertion on the device, an illegal address or the like every further call fails. What
    still runs on a stream of a stack must not write into memory that others are given next.
    """
    try:
        wait(device)
        torch.ones(1, device=device).add_(1).item()
        return not (device.startswith("cuda") and torch.cuda.is_current_stream_capturing())
    except Exception:
        return False
