"""Several processes, each with a GPU or a share of the cores, that train one network.

They are started by torchrun, or by `--processes N`, which calls it; each reads its place from the
environment, as torchrun sets it.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nas.final.batches import Share
from search_spaces.errors import RunFailure, UserError


def my_share() -> Share:
    """This process's place among those that torchrun started; alone without it."""
    return Share(int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1)))


def launch(processes: int, arguments: Sequence[str]) -> None:
    """Starts `nas` anew in so many processes, and waits for them.

    Args:
        processes: How many on this machine.
        arguments: Of `nas`.

    Raises:
        RunFailure: They ended otherwise; each said why itself.
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone",
               "--nproc-per-node", str(processes), "-m", "nas", *arguments]  # fmt: skip
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    running = subprocess.Popen(command, env=environment)
    while True:
        try:
            code = running.wait()
            break
        except KeyboardInterrupt:  # the processes got it too, and save what they have
            continue
    if code:
        raise RunFailure(f"the {processes} processes of this training ended with exit code {code}")


@contextlib.contextmanager
def group(share: Share, device: str) -> Iterator[str]:
    """Joins the processes, within the block.

    Args:
        share: This process's.
        device: `auto`, `cpu` or `cuda`.

    Yields:
        This process's device.

    Raises:
        UserError: There is no such device here, or one GPU is named for all.
    """
    import torch

    from nas.training.loop import device_named

    found = device_named(device)
    if share.world == 1:
        yield str(found)
        return
    if ":" in device:
        raise UserError(f"--train-on is {device} for {share.world} processes: give cuda or cpu")
    gpu = found.type == "cuda"
    mine = f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if gpu else "cpu"
    if gpu:
        torch.cuda.set_device(mine)
    torch.distributed.init_process_group("nccl" if gpu else "gloo")
    try:
        yield mine
    finally:
        torch.distributed.destroy_process_group()


def shared(network: Any, share: Share, device: str) -> Any:
    """What images go through so that all processes' gradients are averaged.

    Args:
        network: On its device; on GPUs batch normalization is then of all processes together.
        share: This process's.
        device: This process's.
    """
    if share.world == 1:
        return network
    from torch.nn.parallel import DistributedDataParallel

    ids = [int(device.partition(":")[2])] if device.startswith("cuda:") else None
    return DistributedDataParallel(network, device_ids=ids)


def averaging(share: Share) -> Callable[[Any], None]:
    """What averages the gradients that a network's weights hold in all processes.

    Args:
        share: This process's.
    """

    def average(network: Any) -> None:
        import torch

        if share.world > 1:
            for parameter in network.parameters():
                torch.distributed.all_reduce(parameter.grad)
                parameter.grad /= share.world

    return average


def told(value: Any, share: Share) -> Any:
    """What the first process has, in all of them."""
    if share.world == 1:
        return value
    import torch

    held = [value]
    torch.distributed.broadcast_object_list(held, src=0)
    return held[0]
