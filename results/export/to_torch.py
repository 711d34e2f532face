"""An architecture as one stand-alone Python module that imports only torch.

The module has a table of stages, the blocks that the network uses and no others, and the keys of
`search_spaces.builder.build`'s state_dict, so that weights load with strict=True.
"""

import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from results.export.templates import (
    ACTIVATIONS,
    GATED,
    GATES,
    LAYERS,
    NETWORK,
    PADDED,
    PATHS,
    RATIO,
    RESIDUAL,
    SQUEEZE,
    TOP,
)
from search_spaces.architecture import Architecture, Stage
from search_spaces.cost import cost
from search_spaces.layers import walk

_FIELDS = {"act": "activation", "keep": "keep_expansion"}  # of columns of other names
_FUNCTIONS = {op: "plain" if op == "conv" else op for op in PATHS}


def flags_of(architecture: Architecture) -> frozenset[str]:
    """What the module needs, by the names of the marks in `results.export.templates`.

    Besides them `ops` and `skips` where there are several, and the skips of stages where they make
    a shortcut.
    """
    stages = architecture.stages
    shortcuts = [block.shortcut for _, block in walk(architecture) if block.residual]
    needs = {
        "ops": len({stage.op for stage in stages}) > 1,
        "skips": len({stage.skip for stage in stages}) > 1,
        "expand": any(stage.op in ("mbconv", "fused", "bottleneck") for stage in stages),
        "se": any(stage.se for stage in stages),
        "acts": any(stage.activation for stage in stages),
        "gated": any(_gated(stage) for stage in stages),
        "fraction": any(isinstance(stage.expand, float) for stage in stages),
        "keep": any(stage.keep_expansion for stage in stages),
        "mix": architecture.mix > 0,
        "bottleneck": any(stage.op == "bottleneck" for stage in stages),
        "residual": bool(shortcuts),
        "shortcut": any(shortcut is not None for shortcut in shortcuts),
        "project": any(s is not None and s.kind == "conv" for s in shortcuts),
        "pool": any(s is not None and s.kind == "avg_pool" for s in shortcuts),
        "head": architecture.head > 0,
        "stem_pool": architecture.stem_pool,
        "same": architecture.padding == "same",
    }
    needs["after"] = needs["bottleneck"] and needs["residual"]
    needs["named"] = needs["acts"] or needs["gated"]
    needs["ratio"] = needs["se"] and not needs["gated"]
    return frozenset(name for name, needed in needs.items() if needed)


def _gated(stage: Stage) -> bool:
    """Whether its SE needs more than a ratio to the block's input."""
    return (stage.se_from, stage.gate, stage.se_activation) != ("input", "sigmoid", None)


def columns_of(flags: frozenset[str]) -> tuple[str, ...]:
    """The columns of the table of stages: those in which the network's blocks can differ."""
    needs = {
        "op": "ops", "expand": "expand", "keep": "keep", "se": "se", "skip": "skips",
        "act": "acts",
    }  # fmt: skip
    columns = (
        "op", "channels", "repeats", "kernel", "stride", "expand", "keep", "se", "skip", "act",
    )  # fmt: skip
    return tuple(name for name in columns if needs.get(name, "") in flags or name not in needs)


def _squeezes(a: Architecture) -> list[str]:
    """The rows of the table of SE that a network uses: number, what it is of, activation, gate."""
    return list(dict.fromkeys(_squeeze(stage, a.activation) for stage in a.stages if stage.se))


def _squeeze(stage: Stage, default: str) -> str:
    inner = stage.se_activation or stage.activation or default
    return f'({stage.se!r}, "{stage.se_from}", "{inner}", "{stage.gate}")'


def _table(a: Architecture, columns: tuple[str, ...], flags: frozenset[str]) -> str:
    squeezes = _squeezes(a)

    def cell(stage: Stage, name: str) -> str:
        if name == "se" and "gated" in flags:
            return str(squeezes.index(_squeeze(stage, a.activation))) if stage.se else "None"
        value = getattr(stage, _FIELDS.get(name, name))
        value = a.activation if value is None else value
        return f'"{value}"' if isinstance(value, str) else repr(value)

    rows = [[cell(stage, name) for name in columns] for stage in a.stages]
    widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
    lines = [", ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(f"    ({line})," for line in lines)


def _after(flags: frozenset[str]) -> str:
    """What follows the sum of a bottleneck."""
    made = ("ACTIVATIONS[act]" if "acts" in flags else "<activation>") + "(inplace=True)"
    return made + (' if op == "bottleneck" else None' if "ops" in flags else "")


def _projected(condition: str) -> list[str]:
    """The lines for a bottleneck's shortcut, which projects where it must."""
    indent = "        " if condition else "    "
    return [
        *([f"    if {condition}:"] if condition else []),
        f"{indent}same = stride == 1 and c_in == channels",
        f"{indent}shortcut = None if same else conv(c_in, channels, 1, stride, activation=False)",
        f"{indent}return Residual(path, drop, shortcut, after)",
    ]


def _block(stages: tuple[Stage, ...], flags: frozenset[str]) -> str:
    """The function that puts a block together from its path and its shortcut."""
    columns = [name for name in columns_of(flags) if name != "repeats"]
    sizes = ", ".join(name for name in columns if name not in ("op", "skip"))
    skips = {stage.skip for stage in stages}
    drop = ", drop" if "residual" in flags else ""
    make = "OPS[op]" if "ops" in flags else _FUNCTIONS[stages[0].op]

    def when(*conditions: str) -> str:
        return " and ".join(filter(None, conditions))

    bottleneck = 'op == "bottleneck"' if "ops" in flags else ""
    skip = {kind: f'skip == "{kind}"' if "skips" in flags else "" for kind in skips}
    ending = ", after" if "after" in flags else ""
    lines = [f"def block(c_in, {', '.join(columns)}{drop}):"]
    lines += ['    """A path, and a shortcut around it where there is one."""']
    lines += [f"    path = {make}(c_in, {sizes})"]
    if "bottleneck" in flags:
        lines += [f"    after = {_after(flags)}"]
    if "project" in flags:
        condition = when(bottleneck, skip["identity"])
        lines += _projected(condition)
        if not condition:
            return "\n".join(lines)
    if "pool" in flags:
        lines += [
            f"    if {when(skip['pool'], 'c_in == channels')}:",
            "        pool = nn.AvgPool2d(3, stride, 1, count_include_pad=False)",
            f"        return Residual(path, drop, pool{ending})",
        ]
    if "residual" in flags and "identity" in skips:
        plain = when(skip["identity"], "stride == 1", "c_in == channels")
        kept = ", activation=after" if "after" in flags else ""
        lines += [f"    if {plain}:", f"        return Residual(path, drop{kept})"]
    if "bottleneck" in flags:
        lines += ["    if after:"] if "ops" in flags else []
        lines += ["    " * (2 if "ops" in flags else 1) + 'path.add_module("activation", after)']
    return "\n".join([*lines, "    return path"])


def _marked(text: str, flags: frozenset[str]) -> str:
    """The lines whose mark holds, without the marks."""
    lines = []
    for line in text.strip("\n").split("\n"):
        code, _, mark = line.partition("  #: ")
        if not mark or (mark.lstrip("!") in flags) != mark.startswith("!"):
            lines.append(code)
    return "\n".join(lines)


def _operators(stages: tuple[Stage, ...]) -> str:
    pairs = (f'"{op}": {_FUNCTIONS[op]}' for op in dict.fromkeys(stage.op for stage in stages))
    return f"OPS = {{{', '.join(pairs)}}}"


def _names(a: Architecture, flags: frozenset[str]) -> dict[str, str]:
    """Words on activations and gates: tables of those that are used, and how they are passed."""
    used = {stage.activation or a.activation for stage in a.stages}
    used |= {stage.se_activation for stage in a.stages if stage.se_activation} | {a.activation}
    gates = dict.fromkeys(stage.gate for stage in a.stages if stage.se)
    passed = ", act" if "acts" in flags and "gated" not in flags else ""
    return {
        "default": a.activation,
        "activations": ", ".join(f'"{n}": {t}' for n, t in ACTIVATIONS.items() if n in used),
        "gates": ", ".join(f'"{name}": {GATES[name]}' for name in gates),
        "act": ", activation=act" if "acts" in flags else "",
        "inner": ", activation, gate" if "gated" in flags else passed.replace("act", "activation"),
        "inner_given": passed,
        "squeezes": "\n".join(f"    {row}," for row in _squeezes(a)),
    }


def source(architecture: Architecture, name: str) -> str:
    """The text of the module.

    Args:
        architecture: The network.
        name: A Python identifier, for its docstring.
    """
    a, flags, figures = architecture, flags_of(architecture), cost(architecture)
    columns, drop = columns_of(flags), "residual" in flags
    paths = [text for op, text in PATHS.items() if any(stage.op == op for stage in a.stages)]
    parts = [TOP, *([PADDED] if "same" in flags else []), LAYERS]
    parts += [SQUEEZE, GATED if "gated" in flags else RATIO] if "se" in flags else []
    parts += [RESIDUAL] if drop else []
    parts += [*paths, _operators(a.stages)] if "ops" in flags else paths
    parts += [_block(a.stages, flags), NETWORK]
    given = [column for column in columns if column != "repeats"] + (["drop"] if drop else [])
    residual = ["path", "drop"]
    residual += ["shortcut=None"] if "shortcut" in flags else []
    residual += ["activation=None"] if "after" in flags else []
    words: dict[str, Any] = {
        "name": name, "id": a.id, "pixels": a.size, "classes": a.classes, "inputs": a.in_channels,
        "shape": f"(batch, {a.in_channels}, {a.size.height}, {a.size.width})",
        "macs": f"{figures.macs:,}", "params": f"{figures.params:,}",
        "columns": ", ".join(columns), "repeats": columns.index("repeats"),
        "arguments": ", ".join(given), "residual": ", ".join(residual),
        "sizes": ", ".join(c for c in given if c not in ("op", "channels", "skip", "drop")),
        "table": _table(a, columns, flags), "activation": ACTIVATIONS[a.activation],
        **_names(a, flags),
        "stem": a.stem, "stem_kernel": a.stem_kernel, "stem_stride": a.stem_stride,
        "features": a.mix or a.head or "c_in", "dropout": repr(float(a.dropout)),
        "pooled": (a.head or "c_in") if a.mix else "self.features",
        "mix_bias": "" if a.mix_bias else ", bias=False",
        "drop_connect": f", drop_connect={float(a.drop_connect)!r}" if drop else "",
    }  # fmt: skip
    text = "\n\n\n".join(_marked(part, flags) for part in parts) + "\n"
    return re.sub(r"<(\w+)>", lambda match: str(words[match[1]]), text)


def network(text: str, name: str, state: Mapping[str, Any] | None = None) -> Any:
    """The torch network of a module's source, with these weights if any, in training mode.

    Raises:
        RuntimeError: The weights are not the network's.
    """
    module = ModuleType(name)
    exec(compile(text, f"{name}.py", "exec"), module.__dict__)
    return module.model(state)
