"""How exact `nas profile` is on this machine, and the count of peak memory.

    python benchmarks/device_file.py [--space efficientnet] [--repeats 2] [--minutes 5]

Makes so many device files one after the other. Of each: its own error on 50 random networks timed
whole in the same minutes, which nothing was fitted to, and its error on 20 further random networks
that are timed by `nas measure`'s way after the last file is made. Then, for published networks,
peak memory as it is counted and as it is measured: deployed (what `nas measure` runs) and built
(nested modules, batch normalization apart).
"""

import argparse
import os
import random

import numpy as np
import torch
from scipy.stats import kendalltau

from nas.devices.deployed import deployed
from nas.devices.measure import measure
from nas.devices.on_torch import allocated
from nas.devices.profile import profile
from nas.devices.runtime import Setting
from search_spaces.builder import build
from search_spaces.cost import cost
from search_spaces.networks import MOBILENET_V2, RESNET_50
from search_spaces.scaling.published import released
from search_spaces.spaces import space

LATER = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--space", default="efficientnet")
    parser.add_argument("--runtime", default="torch")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=5.0)
    given = parser.parse_args()
    where, setting, made = space(given.space), Setting(given.runtime), []
    for i in range(given.repeats):
        load = os.getloadavg()[0]
        found = profile(where, setting, given.minutes, f"file {i}", i, lambda passed, text: None)
        made.append(found)
        check, stamp = found.check, found.stamp
        if check is None:
            raise SystemExit("too little was measured to check the file: give more --minutes")
        print(
            f"file {i}: load {load:.1f} before; {stamp['blocks']} blocks; "
            f"{stamp['disturbed']:.0%} disturbed; {check['networks']} networks: median error "
            f"{check['median_error']:.1%}, 90 % below {check['p90_error']:.1%}, tau "
            f"{check['tau']:.3f}",
            flush=True,
        )  # fmt: skip
    rng = random.Random(99)
    nets = [where.build(where.sample(rng)) for _ in range(LATER)]
    took = np.array([measure(net, setting, 1.0).p50_ms for net in nets])
    for found in made:
        predicted, _ = found.predict(nets)
        ratio = predicted / took
        print(
            f"{found.name}, {LATER} networks timed later: median error "
            f"{np.median(abs(ratio - 1)):.1%} (predicted / measured {np.median(ratio):.3f}), tau "
            f"{kendalltau(predicted, took).statistic:.3f}",
            flush=True,
        )
    print(
        "| network | counted, MB | deployed | counted / deployed | built |\n|---|---|---|---|---|"
    )
    for network in (*map(released, range(4)), MOBILENET_V2, RESNET_50):
        pixels = network.resolution
        images = torch.zeros(1, 3, pixels, pixels).to(memory_format=torch.channels_last)
        lean = allocated(deployed(network, seed=0), images)
        plain = allocated(build(network, seed=0).eval(), images.contiguous())
        counted = cost(network).memory
        print(
            f"| {network.name} | {counted / 1e6:.2f} | {lean / 1e6:.2f} | {counted / lean:.3f} "
            f"| {plain / 1e6:.2f} |"
        )


if __name__ == "__main__":
    main()
