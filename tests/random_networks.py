"""Random small networks of every block kind, for hypothesis."""

from hypothesis import strategies as st

from search_spaces.architecture import ACTIVATIONS, OPS, SKIPS, Architecture, Stage

RATIOS = (0.0, 0.0625, 0.25, 1 / 3, 0.75, 1.5)


@st.composite
def stages(draw: st.DrawFn, ops: tuple[str, ...] = OPS, skips: tuple[str, ...] = SKIPS) -> Stage:
    op = draw(st.sampled_from(ops))
    expand = 1 if op in ("conv", "dsconv") else draw(st.integers(1, 4))
    width = draw(st.sampled_from((1, 2, 3, 4, 8)))  # few values: in = out must happen
    return Stage(
        op,
        channels=width * expand if op == "bottleneck" else width,
        repeats=draw(st.integers(1, 3)),
        kernel=draw(st.sampled_from((1, 3, 5, 7))),
        stride=draw(st.integers(1, 3)),
        expand=expand,
        se=draw(st.sampled_from(RATIOS)),
        skip=draw(st.sampled_from(skips)),
    )


def architectures(
    ops: tuple[str, ...] = OPS, skips: tuple[str, ...] = SKIPS
) -> st.SearchStrategy[Architecture]:
    return st.builds(
        Architecture,
        stages=st.lists(stages(ops, skips), min_size=1, max_size=3).map(tuple),
        stem=st.sampled_from((1, 2, 4, 8)),
        head=st.sampled_from((0, 5, 16)),
        resolution=st.integers(17, 40),
        classes=st.integers(1, 11),
        activation=st.sampled_from(ACTIVATIONS),
        dropout=st.sampled_from((0, 0.2, 0.5)),
        drop_connect=st.sampled_from((0.0, 0.2)),
        stem_kernel=st.sampled_from((1, 3, 7)),
        stem_stride=st.integers(1, 2),
        stem_pool=st.booleans(),
        name=st.text(max_size=5),
    )
