"""The pieces of the stand-alone torch module, as it is written for a person to read.

A line that ends in `#: flag` or `#: !flag` is kept where the network has or lacks that need, see
`export_torch.flags_of`; `<word>` is filled in.
"""

ACTIVATIONS = {
    "swish": "nn.SiLU", "relu": "nn.ReLU", "relu6": "nn.ReLU6", "hard_swish": "nn.Hardswish",
}  # fmt: skip
GATES = {"sigmoid": "nn.Sigmoid", "hard_sigmoid": "nn.Hardsigmoid"}

TOP = '''
"""<name>: <macs> multiply-adds at <pixels> px, <params> parameters.

    net = model()                 # initial weights, for training
    net = model("weights.pt")     # a state_dict, or the file of one
    logits = net.eval()(images)   # <shape> -> (batch, <classes>)

Architecture <id>, written by compound-nas. It needs torch and nothing else.
"""

import torch
from torch import nn

STAGES = (
    # <columns>
    # stride: of a stage's first block; its others have 1
    # se: squeezed channels / input channels of the block  #: ratio
    # se: a row of SQUEEZES, None for none  #: gated
    # keep: an expansion conv also where expand is 1  #: keep
    # expand of a bottleneck: channels / channels of its middle conv  #: bottleneck
<table>
)
BN = {"eps": 1e-3, "momentum": 0.01}
ACTIVATIONS = {<activations>}  #: named
GATES = {<gates>}  #: gated
SQUEEZES = (  #: gated
    # number, what it is of, activation, gate  #: gated
<squeezes>  #: gated
)  #: gated
'''

PADDED = '''
class Conv2d(nn.Conv2d):
    """A conv with TensorFlow's 'same' padding: of an odd sum the more at the far end."""

    def forward(self, x):
        sides = []
        for size, k, s in zip(x.shape[:1:-1], self.kernel_size, self.stride):
            whole = max((-(-size // s) - 1) * s + k - size, 0)
            sides += [whole // 2, whole - whole // 2]
        return super().forward(nn.functional.pad(x, sides))
'''

LAYERS = '''
def chain(**layers):
    """The layers that are not None, one after the other, by name."""
    made = nn.Sequential()
    for name, layer in layers.items():
        if layer is not None:
            made.add_module(name, layer)
    return made


def conv(c_in, c_out, kernel=1, stride=1, groups=1, activation=True):  #: !acts
def conv(c_in, c_out, kernel=1, stride=1, groups=1, activation="<default>"):  #: acts
    """Conv with 'same' padding, batch normalization, activation."""
    layers = [
        nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False),  #: !same
        Conv2d(c_in, c_out, kernel, stride, groups=groups, bias=False),  #: same
        nn.BatchNorm2d(c_out, **BN),
    ]
    if activation:
        layers.append(<activation>(inplace=True))  #: !acts
        layers.append(ACTIVATIONS[activation](inplace=True))  #: acts
    return nn.Sequential(*layers)
'''

SQUEEZE = '''
class SqueezeExcite(nn.Module):
    """Scales each channel by a gate made from the means of all."""

    def __init__(self, channels, width<inner>):
        super().__init__()
        self.reduce = nn.Conv2d(channels, width, 1)
        self.activation = <activation>(inplace=True)  #: !named
        self.activation = ACTIVATIONS[activation](inplace=True)  #: named
        self.expand = nn.Conv2d(width, channels, 1)
        self.gate = GATES[gate]()  #: gated

    def forward(self, x):
        gate = self.expand(self.activation(self.reduce(x.mean((2, 3), keepdim=True))))
        return x * gate.sigmoid()  #: !gated
        return x * self.gate(gate)  #: gated
'''

RATIO = '''
def squeeze(c_in, channels, se<inner>):
    """Squeeze-and-excitation of `channels`, se times the block's c_in input channels wide."""
    return SqueezeExcite(channels, max(1, int(c_in * se))<inner>) if se else None
'''

GATED = '''
def squeeze(c_in, channels, se):
    """Squeeze-and-excitation of `channels`, of the width that se says."""
    if se is None:
        return None
    number, of, activation, gate = SQUEEZES[se]
    if of == "input":  # a ratio to the block's input channels
        width = max(1, int(c_in * number))
    elif of == "expanded":  # a ratio to `channels`, to a multiple of 8
        width = max(8, int(channels * number + 4) // 8 * 8)
        width += 8 if width < 0.9 * channels * number else 0
    else:
        width = int(number)
    return SqueezeExcite(channels, width, activation, gate)
'''

RESIDUAL = '''
class Residual(nn.Module):
    """A path with a shortcut around it. drop: probability that an image's path is dropped."""

    def __init__(self, <residual>):
        super().__init__()
        self.path = path
        self.drop = drop
        self.shortcut = shortcut or nn.Identity()  #: shortcut
        self.activation = activation or nn.Identity()  #: after

    def forward(self, x):
        y = self.path(x)
        if self.training and self.drop:
            kept = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.drop
            y = y * kept / (1 - self.drop)
        y = y + self.shortcut(x)  #: shortcut
        y = y + x  #: !shortcut
        return self.activation(y)  #: after
        return y  #: !after
'''

# The path of each block kind. `conv` is called `plain` in the module.
PATHS = {
    "mbconv": '''
def mbconv(c_in, channels, <sizes>):
    """Inverted residual: expansion, depthwise conv, linear projection."""
    hidden = c_in * expand  #: !fraction
    hidden = max(1, round(c_in * expand))  #: fraction
    return chain(
        expand=conv(c_in, hidden<act>) if expand != 1 else None,  #: !keep
        expand=conv(c_in, hidden<act>) if keep or expand != 1 else None,  #: keep
        depthwise=conv(hidden, hidden, kernel, stride, groups=hidden<act>),
        se=squeeze(c_in, hidden, se<inner_given>),  #: se
        project=conv(hidden, channels, activation=False),
    )
''',
    "fused": '''
def fused(c_in, channels, <sizes>):
    """MBConv whose expansion and depthwise conv are one conv."""
    hidden = c_in * expand  #: !fraction
    hidden = max(1, round(c_in * expand))  #: fraction
    return chain(
        fused=conv(c_in, hidden, kernel, stride<act>),
        se=squeeze(c_in, hidden, se<inner_given>),  #: se
        project=conv(hidden, channels, activation=False),
    )
''',
    "dsconv": '''
def dsconv(c_in, channels, <sizes>):
    """Depthwise-separable conv, the activation after both halves."""
    return chain(
        depthwise=conv(c_in, c_in, kernel, stride, groups=c_in<act>),
        se=squeeze(c_in, c_in, se<inner_given>),  #: se
        pointwise=conv(c_in, channels<act>),
    )
''',
    "conv": '''
def plain(c_in, channels, <sizes>):
    """One conv."""
    return chain(
        conv=conv(c_in, channels, kernel, stride<act>),
        se=squeeze(c_in, channels, se<inner_given>),  #: se
    )
''',
    "bottleneck": '''
def bottleneck(c_in, channels, <sizes>):
    """ResNet's block (v1.5: the stride is in the middle conv); an activation follows the sum."""
    hidden = channels // expand
    return chain(
        reduce=conv(c_in, hidden<act>),
        conv=conv(hidden, hidden, kernel, stride<act>),
        restore=conv(hidden, channels, activation=False),
        se=squeeze(c_in, channels, se<inner_given>),  #: se
    )
''',
}

NETWORK = '''
class Network(nn.Module):
    """(batch, inputs, height, width) -> (batch, classes) logits.

    dropout: before the classifier.
    drop_connect: block i of n is dropped with probability drop_connect * i / n.  #: residual
    """

    def __init__(self, classes=<classes>, dropout=<dropout><drop_connect>, inputs=<inputs>):
        super().__init__()
        self.stem = chain(
            conv=conv(inputs, <stem>, kernel=<stem_kernel>, stride=<stem_stride>),
            pool=nn.MaxPool2d(3, 2, 1),  #: stem_pool
        )
        stages, c_in = [], <stem>
        done, total = 0, sum(stage[<repeats>] for stage in STAGES)  #: residual
        for <columns> in STAGES:
            blocks = []
            for _ in range(repeats):
                drop = drop_connect * done / total  #: residual
                made = block(c_in, <arguments>)
                blocks.append(made)
                c_in, stride = channels, 1
                done += 1  #: residual
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.features = <features>
        self.head = chain(
            conv=conv(c_in, <pooled>),  #: head
            pool=nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            mix=nn.Sequential(  #: mix
                nn.Linear(<pooled>, self.features<mix_bias>),  #: mix
                <activation>(inplace=True),  #: mix
            ),  #: mix
            classifier=nn.Sequential(nn.Dropout(dropout), nn.Linear(self.features, classes)),
        )
        self.initialize()

    def initialize(self):
        """EfficientNet's initial weights."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                fan_out = layer.kernel_size[0] ** 2 * layer.out_channels / layer.groups
                nn.init.normal_(layer.weight, 0.0, (2 / fan_out) ** 0.5)
            elif isinstance(layer, nn.Linear):
                bound = layer.out_features**-0.5
                nn.init.uniform_(layer.weight, -bound, bound)
            if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, x):
        return self.head(self.stages(self.stem(x)))


def model(weights=None, **options):
    """The network. weights: a state_dict, or the file of one; options: those of Network."""
    net = Network(**options)
    if weights is not None:
        if not hasattr(weights, "items"):
            weights = torch.load(weights, map_location="cpu", weights_only=True)
        net.load_state_dict(weights)
    return net
'''
