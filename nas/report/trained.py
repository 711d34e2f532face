"""The page of a final training: how good it is, where it errs, how it went."""

from collections.abc import Mapping, Sequence
from typing import Any

from nas.final.files import ended, read_best, read_history, read_scores
from nas.final.scores import interval_of
from results.report.charts import chart, figure
from results.report.network import network_section
from results.report.page import Cards, Chart, Page, Part, Section, Table, Text
from results.report.record import Folder, again, duration
from results.runs.load import BEST, architecture_of, without_network
from results.terminal import epochs_text
from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.errors import UserError
from search_spaces.quantities import QUANTITIES

MANY = 40  # classes beyond which the matrix can't be read


def page(folder: Folder) -> Page:
    """The report of a `nas train` run.

    Raises:
        UserError: The training has not ended, or its files can't be read.
    """
    if not ended(folder.path):
        raise without_network(folder.path)
    try:
        best, scores = read_best(folder.path), read_scores(folder.path)
    except UserError as error:
        raise UserError(
            f"{error}; run the command of {folder.path} again, which makes it anew from the weights"
        ) from None
    network = architecture_of(best, str(folder.path / BEST))
    sections = [
        _answer(best, scores, network),
        _classes(scores),
        _course(folder),
        network_section(network, "The network"),
        again(folder),
    ]
    badges = [(f"{network.size} px", ""), (f"{len(scores['classes']):,} classes", "")]
    badges += [(epochs_text(best["budget"]), "")]
    badges += [(duration(3600 * best["hours"]), "")] if best["hours"] else []
    name = folder.path.resolve().name
    return Page("compound-nas · nas train", name, str(best["label"]), badges, sections)


def _answer(best: Mapping[str, Any], scores: Mapping[str, Any], network: Architecture) -> Section:
    figures, (low, high) = cost(network), interval_of(scores["confusion"])
    items = [
        ("top-1", f"{best['accuracy']:.2f} %", f"95 % interval {low:.1f} to {high:.1f} %"),
        ("mean over classes", f"{scores['balanced']:.2f} %", "each class counts alike"),
        ("most frequent class", f"{scores['majority']:.1f} %", "naming it always"),
        ("multiply-adds", QUANTITIES["flops"].format(figures.macs), f"at {network.size} px"),
        ("parameters", QUANTITIES["params"].format(figures.params), ""),
    ]
    if scores.get("top5") is not None:
        items.insert(1, ("top-5", f"{scores['top5']:.2f} %", ""))
    parts: list[Part] = [Cards(items)]
    parts += [Text(str(note), "note") for note in scores.get("notes", [])]
    return Section("answer", "Result", "How good it is", parts)


def _classes(scores: Mapping[str, Any]) -> Section:
    rows = [
        (row["class"], f"{row['images']:,}", "-" if row["right"] is None else
         f"{row['right']:.1f} %", row["taken_for"] or "-")
        for row in scores["by_class"]
    ]  # fmt: skip
    parts: list[Part] = []
    if len(scores["classes"]) <= MANY:
        parts.append(_matrix(scores["confusion"], scores["classes"]))
    parts.append(
        Table("Classes, the worst first", ("class", "images", "named rightly", "taken for"), rows)
    )
    worst = [(row["image"], row["class"], row["named"], f"{row['loss']:.2f}")
             for row in scores["worst_images"]]  # fmt: skip
    if worst:
        columns = ("image", "is", "named", "loss")
        parts.append(Table("Images that it is most wrong about", columns, worst, left=3))
    return Section("classes", "Classes", "Where it errs", parts)


def _matrix(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> Chart:
    import plotly.graph_objects as go

    share = [[100 * n / max(1, sum(row)) for n in row] for row in confusion]
    texts = [[str(n) if n else "" for n in row] for row in confusion]
    trace = go.Heatmap(
        z=share, x=list(classes), y=list(classes), text=texts, zmin=0, zmax=100,
        texttemplate="%{text}" if len(classes) <= 15 else None, showscale=False,
        colorscale=[[0, "rgba(64,120,192,0.04)"], [1, "rgba(64,120,192,0.85)"]],
        hovertemplate="%{y} named %{x}: %{text} images, %{z:.1f} %<extra></extra>",
    )  # fmt: skip
    made = figure([trace], "named as", "class")
    made.update_yaxes(autorange="reversed", type="category", showgrid=False)
    made.update_xaxes(type="category", showgrid=False)
    height = max(260, min(900, 60 + 26 * len(classes)))
    label = "for each class, what its validation images were named as"
    return chart("confusion", made, label, "Images; the shade is their share of the row.", height)


def _course(folder: Folder) -> Section:
    import plotly.graph_objects as go

    try:
        rows = read_history(folder.path)
    except UserError as error:
        return Section("course", "Course", "How it went", [Text(f"{error}.", "warning")])

    def column(key: str) -> list[float]:
        return [row[key] for row in rows]

    def curve(key: str, name: str) -> Any:
        return go.Scatter(x=column("epoch"), y=column(key), name=name, mode="lines+markers")

    top = figure([curve("top1", "top-1")], "epoch", "top-1 of the validation images, %")
    losses = [curve("loss", "training, altered images"), curve("val_loss", "validation")]
    low = figure(losses, "epoch", "loss")
    parts = [
        chart("top1", top, "top-1 by epoch", "Of the averaged weights.", 320),
        chart("loss", low, "losses by epoch", "The training's is of altered images, with label "
              "smoothing, so it may lie above.", 320),
    ]  # fmt: skip
    return Section("course", "Course", "How it went", parts)
