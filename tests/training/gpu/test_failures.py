"""What errors of a device say: which are a lack of memory, and how they read in one line."""

import gc
import weakref

import pytest
import torch

from rollcall.training.gpu import failures
from rollcall.training.gpu.failures import (
    describe_failure,
    device_answers,
    free_memory,
    is_out_of_memory,
)
from rollcall.util.errors import InputError

ASYNCHRONOUS = (
    "\nCUDA kernel errors might be asynchronously reported at some other API call, so the "
    "stacktrace below might be incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1"
    "\nCompile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n"
)
OUT_OF_MEMORY = [
    torch.OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.15 GiB "
        "of which 1.20 GiB is free."
    ),
    torch.OutOfMemoryError(),
    torch.AcceleratorError("CUDA error: out of memory" + ASYNCHRONOUS),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("FIND was unable to find an engine to execute this computation"),
    RuntimeError("Unable to find a valid cuDNN algorithm to run convolution"),
    RuntimeError("CUDA driver error: out of memory"),
    RuntimeError("CUDA NVRTC error: NVRTC_ERROR_OUT_OF_MEMORY"),
    RuntimeError("Triton Error [CUDA]: out of memory"),
    RuntimeError("HIP out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("backend='inductor' raised:\nOutOfMemoryError: CUDA out of memory. Tried to"),
]
OTHERS = [
    torch.AcceleratorError("CUDA error: operation not permitted when stream is capturing"),
    torch.AcceleratorError("CUDA error: device-side assert triggered" + ASYNCHRONOUS),
    torch.AcceleratorError("CUDA error: an illegal memory access was encountered"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"),
    RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
    RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle)`"),
    RuntimeError("out of resource: shared memory, Required: 131072, Hardware limit: 101376"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
    InputError("the device has not enough memory"),
    NotImplementedError("no kernel"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_a_lack_of_memory_is_known_by_its_class_or_its_text(error):
    assert is_out_of_memory(error)


@pytest.mark.parametrize("error", OTHERS)
def test_other_failures_are_none(error):
    assert not is_out_of_memory(error)


def raised(function):
    try:
        function()
    except Exception as error:
        return error


def end_recording_after(error):
    """As torch.cuda.graph does: what ends a recording is raised while `error` is handled."""
    try:
        raise error
    finally:
        raise torch.AcceleratorError("CUDA error: operation failed due to a previous error")


def test_what_happened_within_a_recording_counts():
    error = raised(lambda: end_recording_after(torch.OutOfMemoryError("CUDA out of memory.")))
    assert is_out_of_memory(error)
    assert describe_failure(error) == (
        "AcceleratorError: CUDA error: operation failed due to a previous error "
        "(after OutOfMemoryError: CUDA out of memory.)"
    )
    assert not is_out_of_memory(raised(lambda: end_recording_after(KeyError("w"))))


def test_a_failure_is_described_in_one_line_of_some_length():
    assert describe_failure(RuntimeError("no\n  compiler")) == "RuntimeError: no compiler"
    text = describe_failure(raised(lambda: end_recording_after(RuntimeError("x" * 5000))))
    assert "\n" not in text
    assert len(text) < 500
    error = ValueError("round")
    error.__context__ = error  # a circle ends
    assert describe_failure(error) == "ValueError: round"


def test_memory_of_circles_is_freed():
    class Node:
        pass

    gc.disable()
    try:
        node = Node()
        node.itself = node
        kept = weakref.ref(node)
        del node
        free_memory("cpu")
        assert kept() is None
    finally:
        gc.enable()


def test_an_allocator_that_refuses_is_no_further_failure(monkeypatch):
    """As after a recording that was broken off, in some versions of torch."""

    def refuse():
        raise RuntimeError("captures_underway.empty() INTERNAL ASSERT FAILED")

    monkeypatch.setattr(torch.cuda, "empty_cache", refuse)
    free_memory("cuda:0")


def test_a_device_answers_or_not(monkeypatch):
    """First it does what it was given, or fails in it."""

    def fail(device):
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    assert device_answers("cpu")
    monkeypatch.setattr(failures, "wait", fail)
    assert not device_answers("cpu")
    monkeypatch.undo()
    assert torch.cuda.is_available() or not device_answers("cuda:0")
