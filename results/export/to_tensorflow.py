"""Block strings and parameters for tensorflow/tpu, as one JSON file."""

import json

from results.export.request import Made, Request
from search_spaces.interchange import to_tf
from search_spaces.stages import pixels_text

TF_ENDS = (32, 1280)  # stem and head of tensorflow/tpu's efficientnet_model.py


def to_tensorflow(request: Request) -> Made:
    """Block strings and global parameters, as tensorflow/tpu's builders take them."""
    a = request.source.architecture
    content = {
        "blocks_args": to_tf(a),
        "global_params": {
            "batch_norm_momentum": 0.99, "batch_norm_epsilon": 1e-3, "dropout_rate": a.dropout,
            "survival_prob": 1 - a.drop_connect, "num_classes": a.classes,
            "width_coefficient": 1.0, "depth_coefficient": 1.0, "depth_divisor": 8,
            "min_depth": None, "data_format": "channels_last",
        },
        "network": {
            "stem": a.stem, "head": a.head, "activation": a.activation,
            "image_size": a.resolution,
        },
    }  # fmt: skip
    note = ""
    if (a.stem, a.head) != TF_ENDS:
        note = (
            f"tensorflow/tpu fixes {TF_ENDS[0]} channels of the stem and {TF_ENDS[1]} of the head: "
            f"set {a.stem} and {a.head} there"
        )
    if not isinstance(a.resolution, int) or a.in_channels != 3:
        note += "; " if note else ""
        note += f"tensorflow/tpu feeds square RGB images: feed {pixels_text(a)} of your own"
    name = f"{request.source.name}.tf.json"
    use = (
        f'import json\n\nstrings = json.load(open("{name}"))["blocks_args"]\n'
        "# efficientnet_builder.BlockDecoder().decode(strings) of tensorflow/tpu"
    )
    return Made({name: json.dumps(content, indent=2) + "\n"}, note=note, use=use)
