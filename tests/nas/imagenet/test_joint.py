"""The ImageNet model: what it says of known networks and of single changes, and what it refuses."""

import dataclasses
import os
import random
import re

import numpy as np
import pytest
from hypothesis import given
from random_networks import architectures

from nas.imagenet.evaluator import ImagenetEvaluator
from nas.imagenet.evidence.fit import data_of, fit, main
from nas.imagenet.evidence.rows import TABLES, read
from nas.imagenet.evidence.timm import NotExpressible, network
from nas.imagenet.joint import arrays
from nas.imagenet.joint.architectures import as_square, network_of, numbers_of
from nas.imagenet.joint.domain import Ranges, notes, refuse
from nas.imagenet.joint.doubt import doubt
from nas.imagenet.joint.load import embedded, load
from nas.imagenet.joint.numbers import numbers
from nas.imagenet.predict import rows
from nas.objective import Objective
from nas.search.beside.scaled import scaled_b0
from search_spaces import NETWORKS, SPACES, OutOfDomain, UserError, cost, space
from search_spaces.scaling.coefficients import PAPER
from search_spaces.scaling.published import released
from search_spaces.scaling.rules import scale

B0 = NETWORKS["efficientnet_b0"]
PRINTED = (77.1, 79.1, 80.1, 81.6, 82.9, 83.6, 84.0, 84.3)  # B0 to B7: Tan & Le 2019, table 2
DRAWN = 200


def drawn(name, count=DRAWN):
    where, rng = space(name), random.Random(name)
    return [where.build(where.sample(rng)) for _ in range(count)]


def changed(network, stages=None, **fields):
    """The network with fields of each of some stages, and of its own, replaced."""
    made = [dataclasses.replace(stage, **(stages or {})) for stage in network.stages]
    return dataclasses.replace(network, stages=tuple(made), **fields)


@pytest.fixture(scope="module")
def evaluator():
    return ImagenetEvaluator()


# What it predicts ---------------------------------------------------------------------------------


def test_b0_is_what_the_paper_prints_by_construction(evaluator):
    assert evaluator.predict([B0])[0][0] == pytest.approx(77.1, abs=1e-4)


def test_the_released_family_is_near_its_printed_top1(evaluator):
    means, _ = evaluator.predict([released(phi) for phi in range(8)])
    assert means == pytest.approx(np.array(PRINTED), abs=1.0)
    assert (np.diff(means) > 0).all()


def test_alone_and_in_batches_networks_are_the_same(evaluator):
    networks = drawn("mbconv", 40)
    whole = np.stack(evaluator.predict(networks))
    alone = np.stack([np.ravel(evaluator.predict([one])) for one in networks], 1)
    parts = np.concatenate([evaluator.predict(networks[:7]), evaluator.predict(networks[7:])], 1)
    assert whole == pytest.approx(alone, abs=1e-3)
    assert whole == pytest.approx(parts, abs=1e-3)


def test_a_difference_to_itself_has_no_spread(evaluator):
    for one in drawn("mbconv", 10):
        assert evaluator.difference_error(one, one) == 0
        means, spreads = evaluator.against(one).predict([one, B0])
        assert (spreads[0], spreads[1] > 0) == (0, True)
        assert means == pytest.approx(evaluator.predict([one, B0])[0], abs=1e-3)


def test_spreads_grow_with_what_sets_a_network_apart(evaluator):
    measure = evaluator.against(B0)
    for one, two, three in (
        [changed(B0, resolution=pixels) for pixels in (256, 320, 448)],
        [changed(B0, head=head) for head in (1280, 2560, 3840)],
        [changed(B0, stem=stem) for stem in (32, 64, 96)],
        [large_kernels(B0, count) for count in (0, 3, 6)],
    ):
        _, spreads = measure.predict([one, two, three])
        assert (np.diff(spreads) > 0).all(), spreads
    whole = scale(B0, PAPER.at(2))
    _, (alike, unlike) = measure.predict([whole, changed(B0, resolution=448)])
    assert alike < unlike


def test_what_a_recipe_makes_of_a_difference_is_in_errors_against_trainings():
    """A tenth of it, one standard deviation; a search, whose networks are near T, leaves it out."""
    model, networks = load(), numbers_of([B0, *drawn("mbconv", 20)])
    of, base = networks.take(np.arange(1, 21)), networks.take(np.array([0]))
    _, expected = model.difference(of, base, trainings=0)
    gained, spread = model.difference(of, base, trainings=2)
    more = spread**2 - expected**2 - 2 * model.spread.training**2
    middle = 100 - (model.means(of) + model.means(base)) / 2
    apart = (model.gains(of) - model.gains(base)).mean(0)
    assert np.sqrt(more) == pytest.approx(0.1 * np.abs(apart) * middle, rel=1e-6)
    assert np.sqrt(more) == pytest.approx(0.1 * np.abs(gained), rel=0.1)


def test_what_is_odd_of_the_reference_does_not_hide_what_a_network_is(evaluator):
    """At 73.8M B0's depth leaps, and pixels fill T: a doubt of 2.6 points, the same for all."""
    odd, usual = scaled_b0(Objective("hard", 73.8e6)), scale(B0, PAPER.at(-2.5))
    (doubted,), (sure,) = doubt(numbers_of([odd])), doubt(numbers_of([usual]))
    assert (doubted > 2, sure) == (True, 0)
    judge = evaluator.against(odd)
    assert judge.predict([usual])[1][0] < 1
    said = "unusual, so a lead over it is less sure"
    assert (said in judge.label, said in evaluator.against(usual).label) == (True, False)
    whole = evaluator.difference_error(usual, odd)
    assert whole == pytest.approx(judge.difference_error(odd, usual))
    assert whole > doubted


def large_kernels(network, count):
    stages = [*network.stages]
    for at in range(count):
        stages[at] = dataclasses.replace(stages[at], kernel=7)
    return dataclasses.replace(network, stages=tuple(stages))


def wider_kernels(network, rng):
    at = rng.randrange(len(network.stages))
    stages = list(network.stages)
    stages[at] = dataclasses.replace(stages[at], kernel=min(7, stages[at].kernel + 2))
    return dataclasses.replace(network, stages=tuple(stages))


def larger_expansion(network, rng):
    at = rng.randrange(1, len(network.stages))
    stages = list(network.stages)
    stages[at] = dataclasses.replace(stages[at], expand={1: 3, 3: 4}.get(stages[at].expand, 6))
    return dataclasses.replace(network, stages=tuple(stages))


def more_pixels(network, rng):
    return dataclasses.replace(network, resolution=round(1.1 * network.resolution))


@pytest.mark.parametrize("grow", [more_pixels, wider_kernels, larger_expansion])
def test_what_costs_more_of_one_kind_loses_nothing(grow):
    networks, rng = drawn("mbconv"), random.Random(1)
    model = embedded()
    before = model.means(numbers_of(networks))
    after = model.means(numbers_of([grow(one, rng) for one in networks]))
    assert (after - before).min() > -0.15
    assert np.median(after - before) > 0


def test_what_pixels_give_falls_steadily_on_the_skeleton_of_the_large_table_too():
    """Its process knows 224 px alone, and once made pixels near those next to worthless."""
    pixels = np.rint(224 * 1.1 ** np.arange(-4, 5)).astype(int)
    model = embedded()
    for one in [B0, *drawn("efficientnet", 20)]:
        means = model.means(numbers_of([changed(one, resolution=int(n)) for n in pixels]))
        gains = np.diff(means)
        assert (np.diff(gains) < 0.2).all(), gains
        assert gains[2:6].min() > 0.2, gains


# Numbers of networks ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SPACES)
def test_multiply_adds_are_those_of_the_package(name):
    networks = drawn(name)
    assert numbers_of(networks).macs.tolist() == [cost(one).macs for one in networks]


@given(architectures(ops=("mbconv", "dsconv", "conv", "fused")))
def test_networks_of_every_kind_have_the_packages_costs(one):
    one = as_square(one)
    of = numbers_of([one])
    bias = one.mix if one.mix_bias else 0  # which tables of networks don't count
    assert (of.macs[0], of.params[0] + bias) == (cost(one).macs, cost(one).params)


@given(architectures())
def test_a_list_of_blocks_has_the_numbers_of_its_network(one):
    one = as_square(one)
    if any(stage.expand != 1 and round(stage.expand, 9) % 1 for stage in one.stages) or any(
        stage.keep_expansion for stage in one.stages
    ):
        return  # a list of blocks has no expansion conv where that changes no channels
    for mine, blocks in zip(numbers_of([one]), numbers([network_of(one)]), strict=True):
        assert mine == pytest.approx(blocks, rel=1e-12)


def test_a_walk_in_columns_agrees_with_one_step_by_step():
    net = changed(B0, resolution=229, stem_pool=True)
    together = numbers_of([B0, net, *drawn("mnasnet", 20)])
    for mine, its in zip(numbers_of([net]), together.take(np.array([1])), strict=True):
        assert mine == pytest.approx(its, rel=1e-12)


# What it refuses, and what it notes ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (changed(B0, resolution=32), "resolution of 32 px: known networks have 96 to 672 px"),
        (changed(B0, {"channels": 2}), "a width of 2 channels at 1/2 of the input's size"),
        (changed(B0, {"kernel": 9}), "no evidence for kernel 9"),
        (changed(B0, {"repeats": 20}), "a count of 20 blocks at 1/2 of the input's size"),
        (changed(B0, head=20), "no evidence for head of 20 channels"),
        (
            dataclasses.replace(B0, stages=B0.stages[:3]),
            "it has no stage at 1/16 of the input's size",
        ),
    ],
)
def test_a_refusal_is_one_sentence(evaluator, one, sentence):
    for call in (evaluator.check, evaluator.notes, lambda one: rows([one]), evaluator.against):
        with pytest.raises(OutOfDomain) as refused:
            call(one)
        text = str(refused.value)
        assert sentence in text
        assert text.startswith("the ImageNet model can't speak of ")
        assert re.search(r"\w$", text)
        assert len(re.findall(r"\. |\n", text)) == 0


def test_other_images_are_predicted_as_a_square_of_their_pixels_and_say_so(evaluator):
    wide = changed(B0, resolution=(160, 250), in_channels=1)
    for mine, its in zip(
        evaluator.predict([wide]), evaluator.predict([changed(B0, resolution=200)]), strict=True
    ):
        assert mine == its
    assert "160x250 px of 1 channel" in evaluator.notes(wide)[0]
    assert "160x250 px of 1 channel" in rows([wide])[0]["notes"][0]


def test_the_first_network_that_is_outside_is_named():
    far = dataclasses.replace(B0, resolution=32, name="far")
    with pytest.raises(OutOfDomain, match="speak of far:"):
        refuse([B0, far], embedded().ranges)
    assert len(refuse([B0, far], Ranges.endless()).macs) == 2


def test_notes_are_three_full_sentences_at_most(evaluator):
    assert evaluator.notes(B0) == []
    assert evaluator.notes(changed(B0, {"kernel": 7})) == [
        "Kernel 7, of 16 of the 16 blocks, is known almost only from networks with shared weights "
        "and from predictions of another model."
    ]
    some = (*B0.stages[:5], dataclasses.replace(B0.stages[5], kernel=7), B0.stages[6])
    (part,) = evaluator.notes(dataclasses.replace(B0, stages=some))
    assert part.startswith("Kernel 7, of 4 of the 16 blocks, ")
    (beyond,) = evaluator.notes(changed(B0, resolution=1024))
    assert beyond.startswith("Resolution of 1024 px is beyond all evidence, which ends at 672 px:")
    large = evaluator.notes(changed(scale(B0, PAPER.at(8)), {"kernel": 7}))
    assert len(large) == 3
    assert large[0].startswith("MACs of ")
    for one in [*large, *evaluator.notes(NETWORKS["resnet_50"])]:
        assert re.fullmatch(r"[A-Z].*[^.]\.", one)
    far = changed(B0, {"kernel": 7}, resolution=5000)
    assert notes(far, numbers_of([far]), Ranges.endless()) == []


# The file, and the fit ----------------------------------------------------------------------------


def test_the_file_says_the_same_after_a_round(tmp_path):
    model = embedded()
    (tmp_path / "model.npz").write_bytes(model.to_bytes())
    again = load(tmp_path / "model.npz")
    assert again.to_bytes() == model.to_bytes()
    of = numbers_of(drawn("mbconv", 20))
    for mine, its in zip(model.predict(of), again.predict(of), strict=True):
        assert (mine == its).all()


def test_a_damaged_file_is_refused_and_nothing_in_it_is_executed(tmp_path):
    class Harm:
        def __reduce__(self):
            return (tmp_path / "harm").touch, ()

    content, path = embedded().to_bytes(), tmp_path / "model.npz"
    held, meta = arrays.from_bytes(content)
    harmful = tmp_path / "harmful.npz"
    np.savez(harmful, **held, extra=np.array([Harm()], object), allow_pickle=True)
    other = arrays.to_bytes(held, {**meta, "format": "another"})
    lacking = arrays.to_bytes({k: v for k, v in held.items() if k != "near"}, meta)
    for damaged in (b"", b"PK", content[:-200], content[: len(content) // 2], other, lacking,
                    harmful.read_bytes()):  # fmt: skip
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"model\.npz is no ImageNet model of this version"):
            load(path)
    os.mkfifo(tmp_path / "pipe.npz")  # which would be waited for
    for name, said in (("nowhere", "can't be read"), ("pipe", "is no regular file")):
        with pytest.raises(UserError, match=rf"{name}\.npz {said}"):
            ImagenetEvaluator(str(tmp_path / f"{name}.npz"))
    assert not (tmp_path / "harm").exists()


def test_the_fit_refuses_what_it_cannot_read_in_a_sentence(tmp_path, capsys):
    tables, out = tmp_path / "tables", tmp_path / "out.npz"

    def said(*more):
        assert main(["--data", str(tables), "--out", str(out), *more]) == 2
        assert not out.exists()
        told = capsys.readouterr()
        assert (told.out, "Traceback" in told.err) == ("", False)
        return told.err

    assert "there is no folder" in said()
    tables.mkdir()
    assert re.search(r"can't read .*imagenet_evidence\.csv \(No such file", said())
    (tables / TABLES[0]).write_text("source,name\nx,y\n")
    assert "lacks columns: expected licence, weights" in said()
    header = "source,name,licence,weights,top1,top1_sd,macs,params,blocks\n"
    (tables / TABLES[0]).write_text(header + "pycls,x,MIT,trained,77,,1,1,{}\n")
    assert re.search(r"row 1 of .* can't be read", said())
    assert "can't be read" in said("--errors", str(tmp_path / "none.json"))
    assert "Missing option '--data'" in (main(["--out", str(out)]), capsys.readouterr().err)[1]


def test_networks_that_no_list_of_blocks_holds_say_why():
    row = {"name": "x", "base_model": "mobilenetv4_conv_aa_large", "arch_def": '[["uir_r1_k3_c8"]]',
           "arch_def_family": "mobilenetv4_conv"}  # fmt: skip
    with pytest.raises(NotExpressible, match="blur pooling"):
        network(row)
    with pytest.raises(NotExpressible, match="no definition"):
        network({**row, "arch_def": ""})


@pytest.mark.shared_data
def test_evidence_has_the_costs_that_its_tables_print(shared):
    evidence = [row for row in read(shared) if row.macs]
    of = numbers([row.network for row in evidence])
    printed = np.array([row.macs for row in evidence])
    assert len(printed) > 3000
    assert np.median(np.abs(of.macs / printed - 1)) < 1e-4
    timm = np.array([row.source.startswith("timm") for row in evidence])
    assert of.macs[timm] == pytest.approx(printed[timm], abs=1e4)  # printed to 0.01M


@pytest.mark.slow
@pytest.mark.shared_data
def test_a_fit_is_the_same_again(shared):
    """Of every fortieth row: with all it takes a minute."""
    data = data_of(read(shared)[::40])
    one, two = (fit(data, data.numbers.take(np.array([0])), 77.1, seed=0) for _ in range(2))
    assert one.to_bytes() == two.to_bytes()


@pytest.mark.slow
@pytest.mark.shared_data
def test_a_fit_is_the_embedded_model(shared, tmp_path):
    out = tmp_path / "again.npz"
    assert main(["--data", str(shared), "--out", str(out)]) == 0
    model = load(out)
    assert set(model.provenance["errors"]["residuals"]) == {"trained", "shared", "predicted"}
    assert model.provenance["licences"]
    assert model.provenance["tables"] == embedded().provenance["tables"]
    assert [known.name for known in model.known] == [known.name for known in embedded().known]
    of = numbers_of(drawn("mbconv"))  # rounding differs among machines, so not by bytes
    for mine, its in zip(model.predict(of), embedded().predict(of), strict=True):
        assert mine == pytest.approx(its, abs=0.03)
