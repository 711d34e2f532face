"""Random small networks of every block kind, for hypothesis."""

from typing import Any

from hypothesis import strategies as st

from search_spaces.architecture import ACTIVATIONS, GATES, OPS, SKIPS, Architecture, Stage

RATIOS = (0.0, 0.0625, 0.25, 1 / 3, 0.75, 1.5)
_sides = st.integers(17, 40)
FRACTIONS = (0.5, 1.5, 2.3, 11 / 3)


@st.composite
def stages(
    draw: st.DrawFn,
    ops: tuple[str, ...] = OPS,
    skips: tuple[str, ...] = SKIPS,
    plain: bool = False,
) -> Stage:
    """plain: without the fields that came after the format's first version."""
    op = draw(st.sampled_from(ops))
    expand: float = 1 if op in ("conv", "dsconv") else draw(st.integers(1, 4))
    width = draw(st.sampled_from((1, 2, 3, 4, 8)))  # few values: in = out must happen
    channels = width * int(expand) if op == "bottleneck" else width
    later: dict[str, Any] = {}
    if not plain and draw(st.booleans()):
        if op in ("mbconv", "fused") and draw(st.booleans()):
            expand = draw(st.sampled_from(FRACTIONS))
        later = {
            "activation": draw(st.sampled_from((None, *ACTIVATIONS))),
            "se_from": draw(st.sampled_from(("input", "expanded"))),
            "se_activation": draw(st.sampled_from((None, *ACTIVATIONS))),
            "gate": draw(st.sampled_from(GATES)),
            "keep_expansion": draw(st.booleans()),
        }
    ratio = draw(st.sampled_from(RATIOS))
    if later and ratio == RATIOS[-1]:
        ratio, later["se_from"] = draw(st.integers(1, 9)), "channels"
    return Stage(
        op,
        channels=channels,
        repeats=draw(st.integers(1, 3)),
        kernel=draw(st.sampled_from((1, 3, 5, 7))),
        stride=draw(st.integers(1, 3)),
        expand=expand,
        se=ratio,
        skip=draw(st.sampled_from(skips)),
        **later,
    )


def architectures(
    ops: tuple[str, ...] = OPS, skips: tuple[str, ...] = SKIPS, plain: bool = False
) -> st.SearchStrategy[Architecture]:
    return st.builds(
        Architecture,
        stages=st.lists(stages(ops, skips, plain), min_size=1, max_size=3).map(tuple),
        stem=st.sampled_from((1, 2, 4, 8)),
        head=st.sampled_from((0, 5, 16)),
        resolution=_sides if plain else _sides | st.tuples(_sides, _sides),
        classes=st.integers(1, 11),
        activation=st.sampled_from(ACTIVATIONS[:3] if plain else ACTIVATIONS),
        dropout=st.sampled_from((0, 0.2, 0.5)),
        drop_connect=st.sampled_from((0.0, 0.2)),
        stem_kernel=st.sampled_from((1, 3, 7)),
        stem_stride=st.integers(1, 2),
        stem_pool=st.booleans(),
        mix=st.just(0) if plain else st.sampled_from((0, 0, 6)),
        mix_bias=st.booleans(),
        in_channels=st.just(3) if plain else st.sampled_from((3, 1, 5)),
        name=st.text(max_size=5),
    )
