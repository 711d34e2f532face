"""The model card of an export.

What the network is, what it costs, what its accuracy is worth, how it was found, how each file is
loaded.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from results.export.inputs import Inputs
from results.export.request import Made, Request
from results.report.network import title
from results.runs.folder import masked
from search_spaces.cost import cost
from search_spaces.quantities import QUANTITIES
from search_spaces.scaling.published import paper_of
from search_spaces.stages import rows

TERMS = "ImageNet's own terms are for non-commercial research."
EVIDENCE = {  # by evaluator: what its numbers come from
    "surrogate": "The search's accuracies come from a surrogate fitted to the Accel-NASBench table "
    f"(Apache-2.0), whose networks were trained on ImageNet; {TERMS}",
    "imagenet": "The search's accuracies come from a model fitted to published results of networks "
    "trained on ImageNet: the Accel-NASBench table (Apache-2.0), timm's and TensorFlow's tables "
    f"(Apache-2.0), others under Apache-2.0 and MIT, and figures of papers; {TERMS}",
}


def card(request: Request, made: Mapping[str, Made]) -> str:
    """The text of README.md."""
    sections = [
        ("", _network(request)),
        ("Stages", _stages(request)),
        ("Accuracy", _accuracy(request)),
        ("Weights", _weights(request)),
        ("How it was found", _provenance(request)),
        ("Files", _files(made)),
        ("Licence", _licence(request)),
    ]
    title = f"# {request.source.name}\n\n"
    bodies = [(f"## {name}\n\n" if name else "") + body for name, body in sections]
    return title + "\n\n".join(body.rstrip("\n") for body in bodies) + "\n"


def _rows(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    names = list(columns)
    lines = [names, ["---"] * len(names), *([str(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _network(request: Request) -> str:
    a, figures = request.source.architecture, cost(request.source.architecture)
    memory = QUANTITIES["memory"].format
    gates = sorted({stage.gate for stage in a.stages if stage.se and stage.gate != "sigmoid"})
    rows: list[tuple[str, str | None]] = [
        ("input", f"(batch, {a.in_channels}, {a.size.height}, {a.size.width}), float32"),
        ("output", f"(batch, {a.classes}) logits"),
        ("multiply-adds", f"{figures.macs:,} (conv and linear; 1 is 2 FLOPs)"),
        ("parameters", f"{figures.params:,}"),
        ("peak memory of inference", f"{memory(figures.memory)} at batch 1, float32, of which live "
                                     f"activations {memory(figures.activation_memory)}"),
        ("activation", a.activation),
        ("gate of squeeze-and-excitation", ", ".join(gates) or None),
        ("after the pooling", f"a linear layer of {a.mix} channels" if a.mix else None),
        ("dropout, drop-connect", f"{a.dropout:g}, {a.drop_connect:g}"),
        ("batch normalization", "epsilon 1e-3, momentum 0.01 (torch's)"),
        ("padding", "kernel // 2 on every side" if a.padding == "half" else
         "TensorFlow's 'same': of an odd sum the more at the far end"),
        ("architecture id", a.id),
    ]  # fmt: skip
    lead = "A convolutional network for image classification, exported by compound-nas."
    return f"{lead}\n\n{_rows(('', ''), [row for row in rows if row[1] is not None])}"


def _stages(request: Request) -> str:
    a = request.source.architecture
    body = []
    for row in rows(a):
        strides = {"stem": row.size.height // row.size_out.height, "head": ""}
        body.append(
            (
                title(row),
                row.operator,
                row.layers,
                row.channels,
                strides.get(row.name, row.stride),
                row.size,
                QUANTITIES["flops"].format(row.cost.macs),
                QUANTITIES["params"].format(row.cost.params),
            )
        )
    columns = ("", "operator", "blocks", "channels", "stride", "input px", "MACs", "params")
    legend = (
        "`e`: expansion, `k`: kernel, `se`: squeezed channels / input channels of the block (`x`: "
        "/ expanded channels to a multiple of 8, `c`: their number). The stride is of a stage's "
        "first block."
    )
    return f"{_rows(columns, body)}\n\n{legend}"


def _accuracy(request: Request) -> str:
    best, row = request.source.best, request.source.row
    if row.get("top1") is not None:
        label = str(request.source.family.get("label", ""))
        return (
            f"Predicted top-1: **{row['top1']:.2f} %**, with an error of "
            f"{row['top1_error']:.2f} points. {label}"
        )
    if best.get("accuracy") is None:
        return "Neither measured nor predicted by the run that this export was made from."
    spread = best.get("spread")
    number = f"**{best['accuracy']:.2f} %**" + (f" ± {spread:.2f}" if spread is not None else "")
    if interval := best.get("interval"):
        number = (
            f"**{best['accuracy']:.2f} %**, 95 % interval {interval[0]:.1f} to {interval[1]:.1f}"
        )
    return f"{_kind(request).format(number=number)}{_retrained(best)}"


def _kind(request: Request) -> str:
    """What the accuracy of a run's pick is, and what it is not."""
    best = request.source.best
    if best.get("evaluator") == "trained":
        return (
            "Measured top-1 on the validation images: {number}. What is said of its error is that "
            "of a share of so many images, not the noise of seeds. Top-1 averaged over the "
            f"classes: {best.get('balanced', float('nan')):.2f} %."
        )
    training = request.source.record.get("experiment", {}).get("training")
    chosen = f"The pick is the best of {best.get('trials')} networks, which flatters it."
    if training:
        return (
            "Measured top-1 on the validation images: {number}, after "
            f"{best['budget']:g} epochs of the recipe `{training['recipe']}` on a part of "
            f"{training['subset']:g} of the training images at {training['pixels']} px. The spread "
            "is the standard error of a share of that many images, not the noise of seeds. That is "
            f"a short training which ranks networks; a full one reaches more. {chosen}"
        )
    if best.get("evaluator") == "surrogate":
        return (
            "Predicted ImageNet top-1: {number}. The spread is one standard deviation of "
            "the error against a new training. It is a prediction of what a *shortened* training "
            "recipe gives, to compare networks by; it is neither measured nor what a full training "
            f"reaches, for which 77.1 % is published of EfficientNet-B0. {chosen}"
        )
    if best.get("evaluator") == "imagenet" and (label := best.get("label")):
        meaning = label[0].upper() + label[1:].replace("{", "{{").replace("}", "}}")
        return (
            f"Predicted ImageNet top-1: {{number}}. {meaning} It is neither measured nor what "
            f"another recipe reaches. {chosen}"
        )
    evaluator = best.get("evaluator", "the search's evaluator")
    return f"{{number}}, as the evaluator `{evaluator}` gave it to the search. {chosen}"


def _retrained(best: Mapping[str, Any]) -> str:
    again = [
        training for training in best.get("retrained") or [] if training.get("id") == best.get("id")
    ]
    if not again:
        return ""
    return f" Trained again from scratch, longer: {again[0]['retrained']:.2f} %."


def _weights(request: Request) -> str:
    weights = request.weights
    if weights is None:
        why = f" ({request.untrained})" if request.untrained else ""
        return (
            f"**Not trained.**{why} What holds weights here holds initial ones of seed "
            f"{request.seed}: convs N(0, 2 / fan-out), linear U(-1/√out, 1/√out). Its outputs mean "
            "nothing."
        )
    if weights.inputs is None:
        return f"{weights.origin} Inputs: as in the training they come from."
    return f"{weights.origin}\n\n{_inputs(weights.inputs)}"


def _inputs(inputs: Inputs) -> str:
    """How an image becomes an input, and what the outputs are called."""
    mean, deviation = (
        ", ".join(f"{x:.4g}" for x in (numbers if len(set(numbers)) > 1 else numbers[:1]))
        for numbers in (inputs.mean, inputs.deviation)
    )
    height, width = inputs.resized
    cut = f", then the middle {inputs.height}x{inputs.width} of it" if inputs.crop < 1 else ""
    kind = {1: "grey", 3: "RGB"}.get(inputs.channels, f"{inputs.channels} channels")
    how = "padded" if inputs.fit == "letterbox" else "cut out of the middle"
    rows = [
        ("size", f"{height}x{width} (height x width), bicubic, {how} to that ratio{cut}"),
        ("channels", f"{kind}, pixels from 0 to 1, less {mean}, divided by {deviation}"),
        ("layout", "(batch, channels, height, width)"),
        ("classes", ", ".join(f"{i} {name}" for i, name in enumerate(inputs.classes)) or None),
    ]
    return _rows(("inputs", ""), [row for row in rows if row[1] is not None])


def _provenance(request: Request) -> str:
    source, best = request.source, request.source.best
    record, experiment = source.record, source.record.get("experiment", {})
    sessions = record.get("sessions") or [{}]
    versions = record.get("versions", {})
    command = best.get("command") or source.family.get("command")
    limits = ", ".join(f"{name} at most {most:g}" for name, most in best.get("limits", {}).items())
    rows = [
        ("network", paper_of(source.architecture)),
        ("family", source.family.get("title")),
        ("command", f"`{masked(command)}`" if command else None),
        ("space", best.get("space")),
        ("strategy", best.get("strategy")),
        ("objective", _objective(best)),
        ("limits", limits or None),
        ("evaluator", best.get("evaluator")),
        ("seed", best.get("seed")),
        ("trials", best.get("trials")),
        ("started, ended (UTC)", f"{record['started']}, {sessions[-1].get('ended', '-')}"
         if "started" in record else None),
        ("commit", record.get("commit")),
        ("versions", ", ".join(f"{k} {v}" for k, v in versions.items()) or None),
        ("images", experiment.get("training", {}).get("images")),
    ]  # fmt: skip
    known = [(name, value) for name, value in rows if value is not None]
    if not known:
        return f"The architecture was read from `{source.spec}`, which does not say."
    return _rows(("", ""), known)


def _objective(best: Mapping[str, Any]) -> str | None:
    if "objective" not in best:
        return None
    target = best.get("target_text") or f"{best['target']:g}"
    return f"{best['objective']}, {best['quantity']} of {target}"


def _files(made: Mapping[str, Made]) -> str:
    blocks = []
    for name, files in made.items():
        lines = [f"### {name}: {', '.join(f'`{file}`' for file in files.files)}"]
        if files.parity is not None:
            lines.append(f"Compared with the network it was exported from: {files.parity.text}.")
        if files.note:
            lines.append(f"{files.note[0].upper()}{files.note[1:]}.")
        lines.append(f"```python\n{files.use}\n```")
        blocks.append("\n\n".join(lines))
    return "\n\n".join(blocks)


def _licence(request: Request) -> str:
    lines = ["The code in these files was written by compound-nas (Apache-2.0) and is yours."]
    if (evaluator := request.source.best.get("evaluator")) in EVIDENCE:
        lines.append(EVIDENCE[evaluator])
    if request.weights is not None:
        lines.append("What the training images' licence says of weights trained on them holds.")
    return " ".join(lines)
