"""How people write amounts, and how we print them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import UserError, cost, network
from search_spaces.quantities import DEVICE_QUANTITIES, QUANTITIES
from search_spaces.rounding import round_channels, round_repeats

FLOPS, PARAMS, MEMORY = (QUANTITIES[name] for name in ("flops", "params", "memory"))
THROUGHPUT = DEVICE_QUANTITIES["throughput"]


@pytest.mark.parametrize(
    ("quantity", "text", "value"),
    [
        (FLOPS, "400M", 400e6),
        (FLOPS, "1.5G", 1.5e9),
        (FLOPS, "1.5b", 1.5e9),
        (FLOPS, "4e8", 4e8),
        (FLOPS, "385814752", 385814752),
        (FLOPS, " 400 m ", 400e6),
        (PARAMS, "5.3M", 5.3e6),
        (PARAMS, "500k", 5e5),
        (MEMORY, "64MiB", 64 * 2**20),
        (MEMORY, "64MB", 64e6),
        (MEMORY, "0.5gib", 2**29),
        (MEMORY, "4096", 4096),
        (MEMORY, "4096B", 4096),
        (THROUGHPUT, "20,000/s", 1 / 20_000),
    ],
)
def test_amounts_as_people_write_them(quantity, text, value):
    assert quantity.parse(text, "--target") == value


@pytest.mark.parametrize(
    ("quantity", "text", "says"),
    [
        (FLOPS, "400Q", "unit 'Q': expected one of K, M, G, B, T"),
        (FLOPS, "64MiB", "unit 'MiB'"),
        (MEMORY, "64M", "unit 'M': expected one of B, KB, MB"),
        (FLOPS, "-1M", "a finite number above 0, as 400M"),
        (FLOPS, "0", "a finite number above 0"),
        (FLOPS, "1e400", "a finite number above 0"),
        (FLOPS, "nan", "expected a number with a unit"),
        (FLOPS, "inf", "expected a number with a unit"),
        (FLOPS, "", "expected a number with a unit"),
        (FLOPS, "M", "expected a number with a unit"),
        (FLOPS, "1.2.3M", "expected a number with a unit"),
        (FLOPS, "400M,", "expected a number with a unit"),
        (FLOPS, "1,5M", "expected a number with a unit"),
    ],
)
def test_other_amounts_are_refused_in_a_sentence(quantity, text, says):
    with pytest.raises(UserError) as raised:
        quantity.parse(text, "--target")
    assert str(raised.value).startswith(f"--target is {text!r}")
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("quantity", "value", "text"),
    [
        (FLOPS, 385_814_752, "385.8M"),
        (FLOPS, 1_827_141_000, "1.827G"),
        (FLOPS, 999, "999"),
        (PARAMS, 4_231, "4.231K"),
        (MEMORY, 27_200_000, "27.2 MB"),
        (MEMORY, 12, "12 B"),
        (MEMORY, 0, "0 B"),
        (THROUGHPUT, 1 / 543.6, "543.6/s"),
        (THROUGHPUT, 1 / 20_000, "20,000/s"),
        (FLOPS, 1e30, "1,000,000,000,000,000,000T"),
        (FLOPS, 1e40, "1e+28T"),
    ],
)
def test_amounts_as_we_print_them(quantity, value, text):
    assert quantity.format(value) == text


@given(st.sampled_from([FLOPS, PARAMS, MEMORY]), st.integers(1, 10**12))
def test_what_is_printed_can_be_typed(quantity, value):
    assert quantity.parse(quantity.format(value), "x") == pytest.approx(value, rel=6e-4)
    assert quantity.parse(quantity.example, "x") > 0


def test_what_a_quantity_measures():
    net = network("efficientnet_b0")
    b0 = cost(net)
    assert [q.measure(net) for q in (FLOPS, PARAMS, MEMORY)] == [b0.macs, b0.params, b0.memory]


# EfficientNet-B1..B7's widths and depths of B0's, as the released networks have them.
@pytest.mark.parametrize(
    ("width", "channels"),
    [
        (1.1, {16: 16, 24: 24, 32: 32, 40: 48, 80: 88, 112: 120, 192: 208, 320: 352, 1280: 1408}),
        (1.4, {16: 24, 24: 32, 32: 48, 40: 56, 80: 112, 112: 160, 192: 272, 320: 448, 1280: 1792}),
        (2.0, {16: 32, 24: 48, 32: 64, 40: 80, 80: 160, 112: 224, 192: 384, 320: 640, 1280: 2560}),
        (0.1, {16: 8, 32: 8}),
    ],
)
def test_channels_are_rounded_as_released(width, channels):
    assert {c: round_channels(c * width) for c in channels} == channels


def test_repeats_are_rounded_up():
    assert [round_repeats(r * 1.1) for r in (1, 2, 3, 4, 10)] == [2, 3, 4, 5, 11]
    assert round_repeats(0.2) == 1
