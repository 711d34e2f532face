"""The papers' networks, as tables."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from search_spaces.architecture import Architecture, Stage


def _mbconv(*rows: tuple[int, int, int, int, int, float], **skips: str) -> tuple[Stage, ...]:
    """Rows of (repeats, kernel, stride, expand, channels, se); stageI=SKIP overrides a skip."""
    return tuple(
        Stage("mbconv", c, r, k, s, e, se, skips.get(f"stage{i}", "identity"))
        for i, (r, k, s, e, c, se) in enumerate(rows)
    )


# Tan & Le 2019, table 1.
EFFICIENTNET_B0 = Architecture(
    name="efficientnet_b0",
    stages=_mbconv(
        # r, k, s, e, c, se
        (1, 3, 1, 1, 16, 0.25),
        (2, 3, 2, 6, 24, 0.25),
        (2, 5, 2, 6, 40, 0.25),
        (3, 3, 2, 6, 80, 0.25),
        (3, 5, 1, 6, 112, 0.25),
        (4, 5, 2, 6, 192, 0.25),
        (1, 3, 1, 6, 320, 0.25),
    ),
)

# tensorflow/tpu's efficientnet/lite: B0 without squeeze-and-excitation, with relu6.
EFFICIENTNET_LITE0 = Architecture(
    name="efficientnet_lite0",
    activation="relu6",
    padding="same",
    stages=tuple(replace(stage, se=0.0) for stage in EFFICIENTNET_B0.stages),
)

# Tan et al. 2019, figure 7, and the block strings of tensorflow/tpu models/official/mnasnet.
MNASNET_A1 = Architecture(
    name="mnasnet_a1",
    activation="relu",
    stages=_mbconv(
        (1, 3, 1, 1, 16, 0),
        (2, 3, 2, 6, 24, 0),
        (3, 5, 2, 3, 40, 0.25),
        (4, 3, 2, 6, 80, 0),
        (2, 3, 1, 6, 112, 0.25),
        (3, 5, 2, 6, 160, 0.25),
        (1, 3, 1, 6, 320, 0),
        stage0="none",
    ),
)

MNASNET_B1 = Architecture(
    name="mnasnet_b1",
    activation="relu",
    stages=_mbconv(
        (1, 3, 1, 1, 16, 0),
        (3, 3, 2, 3, 24, 0),
        (3, 5, 2, 3, 40, 0),
        (3, 5, 2, 6, 80, 0),
        (2, 3, 1, 6, 96, 0),
        (4, 5, 2, 6, 192, 0),
        (1, 3, 1, 6, 320, 0),
        stage0="none",
        stage6="none",
    ),
)

MNASNET_SMALL = Architecture(
    name="mnasnet_small",
    activation="relu",
    stem=8,
    stages=_mbconv(
        (1, 3, 1, 1, 8, 0),
        (1, 3, 2, 3, 16, 0),
        (2, 3, 2, 6, 16, 0),
        (4, 5, 2, 6, 32, 0.25),
        (3, 3, 1, 6, 32, 0.25),
        (3, 5, 2, 6, 88, 0.25),
        (1, 3, 1, 6, 144, 0),
    ),
)

# Howard et al. 2017, table 1; blocks of equal output are one stage.
MOBILENET_V1 = Architecture(
    name="mobilenet_v1",
    activation="relu",
    head=0,
    dropout=0.001,
    drop_connect=0.0,
    stages=tuple(
        Stage("dsconv", channels, repeats, 3, stride, skip="none")
        for repeats, stride, channels in (
            (1, 1, 64),
            (2, 2, 128),
            (2, 2, 256),
            (6, 2, 512),
            (2, 2, 1024),
        )
    ),
)

# Sandler et al. 2018, table 2.
MOBILENET_V2 = Architecture(
    name="mobilenet_v2",
    activation="relu6",
    drop_connect=0.0,
    stages=_mbconv(
        (1, 3, 1, 1, 16, 0),
        (2, 3, 2, 6, 24, 0),
        (3, 3, 2, 6, 32, 0),
        (4, 3, 2, 6, 64, 0),
        (3, 3, 1, 6, 96, 0),
        (3, 3, 2, 6, 160, 0),
        (1, 3, 1, 6, 320, 0),
    ),
)

# Howard et al. 2019, tables 1 and 2. Widths of the hidden layers are written as expansions.
_V3_LARGE = (
    # r, k, s, e, c, se, activation
    (1, 3, 1, 1, 16, 0, "relu"),
    (1, 3, 2, 4, 24, 0, "relu"),
    (1, 3, 1, 3, 24, 0, "relu"),
    (3, 5, 2, 3, 40, 0.25, "relu"),
    (1, 3, 2, 6, 80, 0, None),
    (1, 3, 1, 2.5, 80, 0, None),
    (2, 3, 1, 2.3, 80, 0, None),
    (2, 3, 1, 6, 112, 0.25, None),
    (3, 5, 2, 6, 160, 0.25, None),
)
_V3_SMALL = (
    (1, 3, 2, 1, 16, 0.25, "relu"),
    (1, 3, 2, 4.5, 24, 0, "relu"),
    (1, 3, 1, 3.67, 24, 0, "relu"),
    (1, 5, 2, 4, 40, 0.25, None),
    (2, 5, 1, 6, 40, 0.25, None),
    (2, 5, 1, 3, 48, 0.25, None),
    (3, 5, 2, 6, 96, 0.25, None),
)


def _mobilenet_v3(name: str, head: int, mix: int, rows: Iterable[tuple[Any, ...]]) -> Architecture:
    """Hard-swish but in the first stages; relu and a hard sigmoid in squeeze-and-excitation."""
    return Architecture(
        name=name,
        activation="hard_swish",
        stem=16,
        head=head,
        mix=mix,
        drop_connect=0.0,
        stages=tuple(
            Stage("mbconv", c, r, k, s, e, se, activation=activation, se_from="expanded",
                  se_activation="relu", gate="hard_sigmoid")
            for r, k, s, e, c, se, activation in rows
        ),
    )  # fmt: skip


MOBILENET_V3_LARGE = _mobilenet_v3("mobilenet_v3_large", 960, 1280, _V3_LARGE)
MOBILENET_V3_SMALL = _mobilenet_v3("mobilenet_v3_small", 576, 1024, _V3_SMALL)

# Cui et al. 2021 (PP-LCNet, arXiv 2109.15099), table 1, as PaddleClas and timm build it.
LCNET = Architecture(
    name="lcnet",
    activation="hard_swish",
    stem=16,
    head=0,
    mix=1280,
    drop_connect=0.0,
    stages=tuple(
        Stage("dsconv", channels, repeats, kernel, stride, 1, se, skip="none",
              se_activation="relu", gate="hard_sigmoid")
        for repeats, kernel, stride, channels, se in (
            (1, 3, 1, 32, 0),
            (2, 3, 2, 64, 0),
            (2, 3, 2, 128, 0),
            (1, 3, 2, 256, 0),
            (5, 5, 1, 256, 0),
            (2, 5, 2, 512, 0.25),
        )
    ),
)  # fmt: skip

# He et al. 2016, table 1, with the stride in the 3x3 conv (v1.5).
RESNET_50 = Architecture(
    name="resnet_50",
    activation="relu",
    stem=64,
    stem_kernel=7,
    stem_pool=True,
    head=0,
    dropout=0.0,
    drop_connect=0.0,
    stages=tuple(
        Stage("bottleneck", channels, repeats, 3, stride, 4)
        for repeats, stride, channels in ((3, 1, 256), (4, 2, 512), (6, 2, 1024), (3, 2, 2048))
    ),
)

NETWORKS = {
    network.name: network
    for network in (
        EFFICIENTNET_B0,
        EFFICIENTNET_LITE0,
        LCNET,
        MNASNET_A1,
        MNASNET_B1,
        MNASNET_SMALL,
        MOBILENET_V1,
        MOBILENET_V2,
        MOBILENET_V3_LARGE,
        MOBILENET_V3_SMALL,
        RESNET_50,
    )
}
