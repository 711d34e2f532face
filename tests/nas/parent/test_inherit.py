"""What a child takes over from its parent, against the parent with everything else switched off."""

import random
from dataclasses import replace

import pytest
import torch
from torch import nn

from nas.parent.channels import First, Largest, Sorted, scores
from nas.parent.inherit import inherit
from nas.parent.parent import count_anew, fit_stem, parent_of
from nas.parent.start import start_from
from search_spaces import NETWORKS, Architecture, OutOfDomain, Stage, UserError
from search_spaces.builder import build
from search_spaces.layers import walk
from search_spaces.spaces import inside, space

MBCONV = Architecture(
    (
        Stage("mbconv", 16, 2, 5, 1, 4, 0.25),
        Stage("mbconv", 24, 3, 3, 2, 6, 0.0),
        Stage("mbconv", 24, 2, 5, 1, 3, 0.25),  # joined to the one before by a shortcut
    ),
    stem=16, head=48, resolution=16, classes=5, stem_stride=1, name="parent",
)  # fmt: skip
OTHERS = Architecture(
    (
        Stage("dsconv", 16, 1, 3, 1),
        Stage("fused", 24, 2, 3, 2, 4, 0.25),
        Stage("bottleneck", 32, 3, 3, 2, 4),
    ),
    stem=16, head=0, resolution=16, classes=5, activation="relu", padding="same", name="others",
)  # fmt: skip


def trained(architecture, seed=0):
    """A network with weights and statistics that are not the initial ones; in evaluation mode."""
    torch.manual_seed(seed)
    network = build(architecture, seed=seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()


def heir(child, parent, network, ranking=Largest):
    found = inherit(child, parent, network.state_dict(), ranking)
    made = build(child, seed=7).eval()
    missing, unknown = made.load_state_dict(dict(found.state), strict=False)
    assert not unknown
    return made, missing, found.new


@pytest.mark.parametrize(
    "parent", [MBCONV, OTHERS, replace(NETWORKS["mobilenet_v2"], resolution=64)]
)
def test_a_parent_inherits_itself_bit_for_bit(parent):
    network = trained(parent)
    made, missing, new = heir(parent, parent, network)
    assert not missing
    assert not new
    images = torch.randn(2, parent.in_channels, *parent.size)
    assert torch.equal(made(images), network(images))


def test_without_a_stages_last_blocks_the_parents_function_is_left():
    child = replace(MBCONV, stages=tuple(replace(stage, repeats=1) for stage in MBCONV.stages))
    network = trained(MBCONV)
    made, missing, _ = heir(child, MBCONV, network)
    assert not missing
    for stage in network.stages:
        for block in list(stage)[1:]:
            block.forward = lambda x: x
    images = torch.randn(2, 3, 16, 16)
    assert torch.equal(made(images), network(images))


def keep_only(channels, kept):
    """A hook that sets the other channels of an output to 0."""
    mask = torch.zeros(channels)
    mask[kept] = 1

    def hook(module, given, out):
        return out * mask.view(1, -1, *[1] * (out.ndim - 2))

    return hook


def largest(count, worth):
    """The places of the largest numbers, in order; slowly."""
    ranked = sorted(range(len(worth)), key=lambda i: (-float(worth[i]), i))
    return sorted(ranked[:count])


def the_first(count, worth):
    return list(range(count))


def switched_off(child, parent, network, chosen=largest):
    """The parent's network where what the child lacks is 0."""
    worth = scores(parent, network.state_dict())
    theirs, mine = dict(walk(parent)), dict(walk(child))
    for name, its in theirs.items():
        module = network.get_submodule(name)
        path = getattr(module, "path", module)
        group = name.split(".")[1] if name.startswith("stages.") else name
        if name not in mine:
            module.forward = lambda x: x
            continue
        convs = [layer for layer in its.path if layer.kind == "conv"]
        small = {layer.name: layer for layer in mine[name].path}
        for n, layer in enumerate(convs):
            conv, kernel = path.get_submodule(layer.name), small[layer.name].kernel
            ring = (layer.kernel - kernel) // 2
            middle = slice(ring, layer.kernel - ring)
            centre = torch.zeros_like(conv[0].weight)
            centre[..., middle, middle] = 1
            conv[0].weight.data *= centre
            count = small[layer.name].out_channels
            if n == len(convs) - 1:
                kept = chosen(count, worth[group])
            else:
                reader = next(one for one in convs[n + 1 :] if one.groups == 1)
                weight = path.get_submodule(reader.name)[0].weight
                kept = chosen(count, [weight[:, c].abs().sum() for c in range(weight.shape[1])])
            conv.register_forward_hook(keep_only(layer.out_channels, kept))
            if n == len(convs) - 1 and name != "head":
                module.register_forward_hook(keep_only(layer.out_channels, kept))
        if "se" in small:
            se = path.se
            wide = se.expand.weight
            reading = [wide[:, c].abs().sum() for c in range(wide.shape[1])]
            kept = chosen(small["se"].out_channels, reading)
            se.activation.register_forward_hook(keep_only(wide.shape[1], kept))
    return network


def child_of(parent, seed):
    """One drawn inside the parent, of as many shortcuts: rounding may give one more or less."""
    where, rng, theirs = inside(parent), random.Random(seed), dict(walk(parent))
    while True:
        child = where.build(where.sample(rng))
        if all(block.residual == theirs[name].residual for name, block in walk(child)):
            return child


@pytest.mark.parametrize("parent", [MBCONV, OTHERS])
@pytest.mark.parametrize("ranking", [Largest, First, Sorted])
@pytest.mark.parametrize("seed", range(6))
def test_a_child_is_its_parent_with_the_rest_switched_off(parent, seed, ranking):
    child = child_of(parent, seed)
    network = trained(parent, seed)
    made, missing, _ = heir(child, parent, network, ranking)
    assert not missing
    images = torch.randn(2, 3, *parent.size)
    with torch.no_grad():
        for block in network.modules():  # a hook must not see what is changed in place later
            if hasattr(block, "inplace"):
                block.inplace = False
        chosen = the_first if ranking is First else largest
        wanted = switched_off(child, parent, network, chosen)(images)
        assert torch.allclose(made(images), wanted, atol=2e-5 * float(wanted.abs().max()))


def test_weights_are_sorted_for_a_supernet_only(tmp_path):
    network = trained(MBCONV)
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    alone, shared = (start_from(tmp_path / "weights.pt", MBCONV, shared=s) for s in (False, True))
    sorted_ones = inherit(MBCONV, MBCONV, network.state_dict(), Sorted).state
    for name, tensor in network.state_dict().items():
        assert torch.equal(alone.state[name], tensor)
        assert torch.equal(shared.state[name], sorted_ones[name])


@torch.no_grad()
@pytest.mark.parametrize("parent", [MBCONV, OTHERS])
def test_a_supernets_first_channels_are_the_parents_best(parent):
    """The largest computes what the parent does, and its parts are what `Largest` would take."""
    network = trained(parent)
    whole, missing, _ = heir(parent, parent, network, Sorted)
    images = torch.randn(2, 3, *parent.size)
    wanted = network(images)
    assert not missing
    assert torch.allclose(whole(images), wanted, atol=2e-5 * float(wanted.abs().max()))
    assert not torch.equal(next(whole.parameters()), next(network.parameters()))
    worth = scores(parent, whole.state_dict())
    assert all(float((one.diff() / one[:-1]).max()) < 1e-5 for one in worth.values())
    for seed in range(3):
        child = child_of(parent, seed)
        first, _, new = heir(child, parent, whole, First)
        best, *_ = heir(child, parent, network, Largest)
        wanted = best(images)
        assert not new
        assert torch.allclose(first(images), wanted, atol=2e-5 * float(wanted.abs().max()))


def test_what_does_not_fit_begins_anew_and_is_named():
    wider = replace(MBCONV.stages[1], channels=40)
    child = replace(MBCONV, stages=(MBCONV.stages[0], wider, MBCONV.stages[2]), classes=3)
    _, missing, new = heir(child, MBCONV, trained(MBCONV))
    assert set(new) >= {"stages.1.0.project", "stages.1.1.path.expand", "head.classifier"}
    assert {name.rpartition(".")[0].rsplit(".", 1)[0] for name in missing} <= set(new) | {
        f"{one}" for one in new
    }
    with pytest.raises(UserError, match="has 2 stages and its parent 3"):
        inherit(replace(MBCONV, stages=MBCONV.stages[:2]), MBCONV, {})


def test_a_larger_kernel_is_the_parents_with_zeros_around():
    wide = tuple(replace(stage, kernel=7) for stage in MBCONV.stages)
    network = trained(MBCONV)
    made, missing, new = heir(replace(MBCONV, stages=wide), MBCONV, network)
    assert not missing
    assert not new
    images = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        assert torch.allclose(made(images), network(images), atol=1e-5)


@pytest.mark.parametrize("name", ["efficientnet_lite0", "mobilenet_v1", "resnet_50"])
def test_the_space_inside_a_network_ends_in_the_network(name):
    where = space(f"inside:{name}")
    (whole,) = where.known()
    assert replace(where.build(whole), name=name) == NETWORKS[name]
    rng = random.Random(0)
    for _ in range(20):
        drawn = where.build(where.sample(rng))
        assert all(a.channels <= b.channels and a.repeats <= b.repeats and a.kernel <= b.kernel
                   for a, b in zip(drawn.stages, NETWORKS[name].stages, strict=True))  # fmt: skip


def test_a_stem_that_knows_other_pixels_sees_the_same():
    theirs, parent = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), trained(MBCONV)
    made = trained(MBCONV)
    fit_stem(made, theirs, 0.5, 0.25)
    pixels = torch.rand(2, 3, 16, 16)
    mean, deviation = (torch.tensor(numbers).view(3, 1, 1) for numbers in theirs)
    with torch.no_grad():
        wanted = parent.stem((pixels - mean) / deviation)
        found = made.stem((pixels - 0.5) / 0.25)
    assert torch.allclose(found[..., 1:-1, 1:-1], wanted[..., 1:-1, 1:-1], atol=1e-5)


def test_statistics_are_counted_as_one_average():
    network, images = trained(MBCONV), [torch.randn(8, 3, 16, 16) for _ in range(3)]
    count_anew(network, images)
    assert not network.training
    with torch.no_grad():
        batches = [network.stem.conv[0](one) for one in images]
    means = torch.stack([one.mean((0, 2, 3)) for one in batches])
    variances = torch.stack([one.var((0, 2, 3)) for one in batches])
    norm = network.stem.conv[1]
    assert torch.allclose(norm.running_mean, means.mean(0), atol=1e-6)
    assert torch.allclose(norm.running_var, variances.mean(0), atol=1e-6)
    assert norm.momentum == 0.01


@pytest.mark.slow
def test_a_search_starts_its_networks_from_their_parent(tmp_path, coloured):
    """The parent names the colours at once; a child that lacks little of it nearly so."""
    from nas.training.evaluator import TrainingEvaluator
    from nas.training.images import for_data, load_images
    from nas.training.recipes import TUNE

    coloured(tmp_path / "images", 24)
    data = load_images(tmp_path / "images", 16, tmp_path / "cache")
    parent = replace(MBCONV, classes=3)
    network = build(parent, seed=0)
    evaluator = TrainingEvaluator(data, batch=24, checkpoints=tmp_path / "states")
    assert evaluator(parent, 12, 0).accuracy > 80
    kept = torch.load(evaluator.checkpoint(parent, 0), weights_only=True)["state"]
    network.load_state_dict(kept["network"])
    torch.save(network.state_dict(), tmp_path / "parent.pt")
    start = parent_of(tmp_path / "parent.pt", parent)
    where = for_data(inside(parent), 3, 16)
    whole = where.build(inside(parent).known()[0])
    warm = TrainingEvaluator(data, TUNE, 24, parent=start)
    assert warm.checkpoint(whole, 0) is None
    children = [
        whole,
        replace(whole, stages=(replace(whole.stages[0], repeats=1), *whole.stages[1:])),
    ]
    for child in children:
        assert warm(child, 0.5, 0).accuracy > evaluator(child, 0.5, 0).accuracy
    with pytest.raises(OutOfDomain, match="2 stages and the parent 3"):
        warm.check(replace(whole, stages=whole.stages[:2]))


def test_weights_that_changed_since_the_run_began_are_refused(tmp_path):
    torch.save(trained(MBCONV, 0).state_dict(), tmp_path / "parent.pt")
    parent = parent_of(tmp_path / "parent.pt", MBCONV)
    assert not parent.start(MBCONV).anew
    torch.save(trained(MBCONV, 1).state_dict(), tmp_path / "parent.pt")
    with pytest.raises(UserError, match=r"parent\.pt are others than when the run began"):
        parent.start(MBCONV)


def test_nas_fit_asks_what_the_parent_costs_at_the_images_size(tmp_path, coloured):
    from nas.final.journey import Asked, check_seen, look
    from nas.objective import Limit
    from search_spaces import cost

    coloured(tmp_path / "images", 8)
    large = replace(MBCONV, resolution=64, classes=1000)
    torch.save(build(large, seed=0).state_dict(), tmp_path / "parent.pt")
    parent = parent_of(tmp_path / "parent.pt", large)
    least = cost(inside(large).build({name: options[0] for name, options
                                      in inside(large).choices.items()})).macs  # fmt: skip
    asked = Asked(tmp_path / "images", (Limit("flops", least / 4),), parent=parent)
    check_seen(asked, look(asked, False))  # at 20 px a tenth of it is left
    asked = Asked(tmp_path / "images", (Limit("flops", least / 400),), parent=parent)
    with pytest.raises(UserError, match="no network of the space 'inside:parent'"):
        check_seen(asked, look(asked, False))
