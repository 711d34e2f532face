"""Networks in torch: on a CPU by the clock, on a GPU by CUDA events."""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from nas.devices.blocks import keys_of
from nas.devices.deployed import deployed, flattened
from nas.devices.runtime import Run, Setting, by_clock, processor
from search_spaces.architecture import Architecture
from search_spaces.builder import build
from search_spaces.errors import UserError
from search_spaces.layers import walk


class Torch:
    """A `nas.devices.runtime.Runtime`. Blocks of equal key are one module in all chains."""

    def __init__(self, setting: Setting) -> None:
        if setting.on == "cuda" and not torch.cuda.is_available():
            raise UserError("--on is 'cuda', but torch finds no GPU here: expected --on cpu")
        torch.set_num_threads(setting.threads)
        self._cuda, self._batch = setting.on == "cuda", setting.batch
        self._single = setting.threads == 1
        self._where: dict[str, Any] = {
            "device": setting.on,
            "dtype": getattr(torch, setting.dtype),
            "memory_format": torch.channels_last,
        }
        self._blocks: dict[str, nn.Module] = {}

    def _images(self, architecture: Architecture) -> Tensor:
        shape = self._batch, architecture.in_channels, *architecture.size
        return torch.randn(shape).to(**self._where)

    def whole(self, architecture: Architecture) -> Callable[[], Run]:
        """See Runtime."""
        network = deployed(architecture).to(**self._where)
        images = self._images(architecture)
        return lambda: self._run((network,), images)[0]

    def chain(self, architecture: Architecture) -> Callable[[], list[Run]]:
        """See Runtime."""
        keys, images = keys_of(architecture), self._images(architecture)
        if not self._blocks.keys() >= set(keys):
            network = build(architecture)
            for key, (name, _) in zip(keys, walk(architecture), strict=True):
                if key not in self._blocks:
                    block = flattened(network.get_submodule(name))
                    self._blocks[key] = block.to(**self._where)
        modules = [self._blocks[key] for key in keys]
        return lambda: self._run(modules, images)

    def _run(self, modules: Sequence[nn.Module], x: Tensor) -> list[Run]:
        with torch.inference_mode():
            return _by_events(modules, x) if self._cuda else by_clock(modules, x, self._single)

    def peak_bytes(self, architecture: Architecture) -> int:
        """See Runtime. On a GPU of the second run, on a CPU of what the allocator reports."""
        before = torch.cuda.memory_allocated() if self._cuda else 0
        network = deployed(architecture).to(**self._where)
        images = self._images(architecture)
        if not self._cuda:
            return allocated(network, images)
        with torch.inference_mode():
            network(images)
            torch.cuda.reset_peak_memory_stats()
            network(images)
        return torch.cuda.max_memory_allocated() - before

    def machine(self) -> str:
        """The name of the GPU, or of the processor."""
        return torch.cuda.get_device_name() if self._cuda else processor()


def _by_events(modules: Sequence[nn.Module], x: Tensor) -> list[Run]:
    """Runs x through the modules on a GPU, each module timed."""
    event: Any = torch.cuda.Event
    events = [event(enable_timing=True) for _ in range(len(modules) + 1)]
    torch.cuda.synchronize()
    events[0].record()
    for module, event in zip(modules, events[1:], strict=True):
        x = module(x)
        event.record()
    torch.cuda.synchronize()
    pairs = itertools.pairwise(events)
    seconds = [1e-3 * before.elapsed_time(after) for before, after in pairs]
    return [Run(taken, True, taken) for taken in seconds]


def allocated(network: nn.Module, images: Tensor) -> int:
    """Measures the memory of a run on the CPU.

    Returns:
        Peak bytes: parameters, buffers, the input, and the largest sum of what torch's allocator
        held at once besides.
    """
    with torch.inference_mode():
        network(images)
        with _silent(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
            network(images)
    held = peak = 0
    assert profiled.profiler is not None
    events = profiled.profiler.kineto_results.events()
    for event in sorted((e for e in events if e.name() == "[memory]"), key=lambda e: e.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    tensors = (*network.parameters(), *network.buffers(), images)
    return peak + sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Without the profiler's own lines on standard error."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
