"""Steps recorded as CUDA graphs: launched at once, and not one operation after another."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import partial

import torch

PASSES_PER_GRAPH = 16  # through the network: small steps share a launch, graphs stay small
WARM_UP_STEPS = 3


def steps_per_graph(passes: int, steps: int) -> int:
    """Return the number of steps in a graph: a power of two, and at most `steps`.

    passes: through the network in a step.
    """
    return 2 ** max(0, min(PASSES_PER_GRAPH // passes, steps).bit_length() - 1)


def record(
    step: Callable[[int], None],
    reset: Callable[[], None],
    lengths: set[int],
    stream: torch.cuda.Stream | None,
) -> dict[int, Callable[[], None]]:
    """Record sequences of steps; return, for each length, what runs step(0), step(1), ...

    reset(): what makes ready for other weights, after the steps that warm up. stream: to record on;
    the graphs are replayed there, one at a time, so that they share their memory. None, on a CPU:
    nothing is recorded.
    """
    if stream is None:
        return {length: partial(_take, step, length) for length in lengths}
    replays, pool = {}, None
    # also puts the current stream back where a recording fails: torch.cuda.graph does not
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP_STEPS):
            step(0)
            reset()
        gc.collect()  # what is collected while a stream records can end the recording
        for length in sorted(lengths, reverse=True):
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=pool, stream=stream):
                _take(step, length)
            pool, replays[length] = graph.pool(), graph.replay
    return replays


def _take(step: Callable[[int], None], length: int) -> None:
    for number in range(length):
        step(number)
