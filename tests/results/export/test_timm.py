"""The timm registration against our network. With timm it is built there (docs/export.md says how
to bring timm to a CPU); without, the names and the refusals are checked."""

import dataclasses
import importlib
import sys

import pytest
import torch
from export_networks import ALL, POOLED, SMALL, at, difference, images, shaken

from results.export import to_timm as export_timm
from results.export import to_torch as export_torch
from search_spaces import NETWORKS, Stage, UserError, space
from search_spaces.builder import build

B0 = NETWORKS["efficientnet_b0"]
FITS = [name for name in NETWORKS if name != "resnet_50"]
MIXED = dataclasses.replace(
    B0,
    name="mixed",
    stages=(
        Stage("fused", 24, 2, 3, 2, 4, 0.25),
        Stage("conv", 24, 2, 3, 1),
        Stage("dsconv", 32, 2, 3, 2, skip="none"),
        Stage("mbconv", 40, 2, 7, 2, 3, 0.5),
    ),
)


@pytest.mark.parametrize("name", FITS)
def test_every_weight_of_a_published_network_has_a_name_in_timm(name):
    state = build(NETWORKS[name], seed=0).state_dict()
    renamed = export_timm.timm_state(NETWORKS[name], state)
    assert len(renamed) == len(state)
    places = [[one.data_ptr() for one in each.values()] for each in (renamed, state)]
    assert places[0] == places[1]  # the layer after MobileNetV3's pooling is a conv there
    assert not any(key.startswith(("stem.", "stages.", "head.")) for key in renamed)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"stem_stride": 1}, "stem"),
        ({"stem_pool": True}, "stem"),
        ({"stages": (Stage("mbconv", 16, stride=3),)}, "stride"),
        ({"stages": (Stage("mbconv", 16, stride=2),) * 5}, "dilates"),
        ({"stages": (Stage("mbconv", 20, 2, expand=3),)}, "rounds 60"),
        ({"stages": (Stage("mbconv", 24, 2, expand=6, se=0.1),)}, ""),
        ({"stages": (Stage("mbconv", 16, expand=6, se=0.11),), "stem": 24}, ""),
        (
            {"stages": (Stage("mbconv", 48, 2, expand=6, se=2, se_from="channels"),), "stem": 24},
            "squeezes 144",
        ),
        ({"stages": (Stage("mbconv", 16, expand=2.1),)}, "rounds 67"),
        (
            {
                "stages": (
                    Stage("mbconv", 16, se=0.25),
                    Stage("mbconv", 16, se=0.5, gate="hard_sigmoid"),
                )
            },
            "hard_sigmoid",
        ),
        ({"mix": 64, "stem_kernel": 5}, "3x3"),
        ({"stages": (Stage("mbconv", 32, 2, skip="pool"),)}, "pool"),
        ({"stages": (Stage("bottleneck", 32, expand=4),)}, "bottleneck"),
    ],
)
def test_what_timm_would_build_otherwise_is_registered_as_the_module(change, why):
    architecture = dataclasses.replace(B0, **change)
    found = export_timm.refusal(architecture)
    assert why in found
    assert bool(why) == bool(found)
    assert ("from net import" in export_timm.source(architecture, "net")) == bool(why)
    if why:
        with pytest.raises(UserError, match="can't say"):
            export_timm.timm_names(architecture)


@pytest.fixture
def registered(tmp_path, monkeypatch):
    """Registers an architecture as its exported files do, and gives timm's network."""
    timm = pytest.importorskip("timm")
    monkeypatch.syspath_prepend(str(tmp_path))

    def register(architecture, name, **options):
        (tmp_path / f"{name}.py").write_text(export_torch.source(architecture, name))
        (tmp_path / f"timm_{name}.py").write_text(export_timm.source(architecture, name))
        importlib.invalidate_caches()
        for module in (name, f"timm_{name}"):
            sys.modules.pop(module, None)
        importlib.import_module(f"timm_{name}")
        return timm.create_model(f"nas_{name}", **options)

    return register


@pytest.mark.parametrize("name", [*ALL, "mixed", "efficientnet-wide", "efficientnet-small"])
def test_timms_network_has_our_logits(name, registered):
    if name in ALL or name == "mixed":
        architecture = at({**ALL, "mixed": MIXED}[name], 64)
    else:
        choices = space(name).choices
        middle = {key: options[len(options) // 2] for key, options in choices.items()}
        architecture = at(space(name).build(middle), 32 if name.endswith("small") else 64)
    ours, theirs = shaken(architecture), registered(architecture, name.replace("-", "_")).eval()
    theirs.load_state_dict(export_timm.timm_state(architecture, ours.state_dict()), strict=True)
    assert difference(ours, theirs, images(architecture)) <= 1e-4


@pytest.mark.parametrize("network", [B0, POOLED], ids=lambda a: a.name)
def test_timm_takes_the_networks_own_size_and_channels(network, registered):
    wide = dataclasses.replace(network, resolution=(48, 80), in_channels=4)
    theirs = registered(wide, f"wide_{network.name}").eval()
    assert theirs.pretrained_cfg["input_size"] == (4, 48, 80)
    assert "--input-size 4 48 80" in export_timm.source(wide, "wide")
    ours = shaken(wide)
    theirs.load_state_dict(export_timm.timm_state(wide, ours.state_dict()), strict=True)
    assert difference(ours, theirs, images(wide)) <= 1e-4


@pytest.mark.parametrize("architecture", [at(B0, 64), POOLED, SMALL], ids=lambda a: a.name)
def test_timms_options_reach_the_network(architecture, registered):
    name = f"options_{architecture.name}"
    net = registered(architecture, name, num_classes=5, drop_rate=0.3, bn_eps=1e-5, in_chans=1)
    norms = [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert {norm.eps for norm in norms} == {1e-5}
    assert {norm.momentum for norm in norms} == {0.01}
    given = images(architecture)[:, :1]
    assert net.eval()(given).shape == (2, 5)
    assert net.forward_head(net.forward_features(given), pre_logits=True).ndim == 2
    net.reset_classifier(4)
    assert net(given).shape == (2, 4)
    assert net.pretrained_cfg["input_size"] == (3, *given.shape[2:])
    if not export_timm.refusal(architecture):
        drops = [getattr(b.drop_path, "drop_prob", 0.0) for stage in net.blocks for b in stage]
        assert drops == pytest.approx([0.2 * i / len(drops) for i in range(len(drops))])


def test_timms_loop_trains_it(registered, tmp_path, coloured):
    """timm's own data loader, optimizer and schedule, a few steps on three colours."""
    register = registered
    from timm.data import create_dataset, create_loader, resolve_data_config
    from timm.optim import create_optimizer_v2
    from timm.scheduler import create_scheduler_v2

    coloured(tmp_path / "images", 40)
    torch.manual_seed(0)
    net = register(at(dataclasses.replace(MIXED, drop_connect=0.0), 32), "trained", num_classes=3)
    config = resolve_data_config({"input_size": (3, 32, 32)}, model=net)
    data = create_dataset("", root=str(tmp_path / "images"), split="train")
    loader = create_loader(
        data, config["input_size"], 24, is_training=True, num_workers=0, use_prefetcher=False,
        mean=config["mean"], std=config["std"], scale=(0.8, 1.0), color_jitter=0.0,
        device=torch.device("cpu"),
    )  # fmt: skip
    optimizer = create_optimizer_v2(net, "sgd", lr=0.01, momentum=0.9)
    schedule, epochs = create_scheduler_v2(optimizer, num_epochs=3)
    losses = []
    for epoch in range(epochs):
        for given, labels in loader:
            loss = torch.nn.functional.cross_entropy(net(given), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        schedule.step(epoch + 1)
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])
