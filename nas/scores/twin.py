"""A network for small images as one for ImageNet, of which the ImageNet model can speak."""

from dataclasses import replace

from search_spaces.architecture import Architecture

REDUCTION = 32  # of the input's side: what all networks of known ImageNet top-1 have
PIXELS, CLASSES = 224, 1000


def twin(architecture: Architecture) -> Architecture:
    """The same blocks on images of 224 px, with strides as ImageNet's networks have them.

    Strides of 1 become 2 until the input's side is divided by 32: the stem's first, then those of
    the stages after the first, in order. For `efficientnet-small` these are EfficientNet-B0's. A
    network that divides it by as much already keeps its strides.

    Args:
        architecture: A network of any resolution.
    """
    stem, stages = architecture.stem_stride, list(architecture.stages)
    whole = stem * (2 if architecture.stem_pool else 1)
    for stage in stages:
        whole *= stage.stride
    if whole < REDUCTION and stem == 1:
        stem, whole = 2, 2 * whole
    for i, stage in enumerate(stages[1:], 1):
        if whole < REDUCTION and stage.stride == 1:
            stages[i], whole = replace(stage, stride=2), 2 * whole
    return replace(
        architecture, stem_stride=stem, stages=tuple(stages), resolution=PIXELS, classes=CLASSES
    )
