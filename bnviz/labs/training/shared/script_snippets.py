"""What the scripts of all topics of the lab `training` share, as Python source: data, networks, one training run."""

from __future__ import annotations

from typing import Any, Final

from bnviz.labs.training.shared.settings import TrainingSettings
from bnviz.scripting import reader
from bnviz.scripting.reader import Reader
from bnviz.scripting.snippets import ACTIVATIONS, DIGITS_AND_SPLIT, linear

_STREAM: Final = '''\
torch.set_num_threads(1)


def stream(seed, purpose):
    """A generator of its own for each purpose: 0 weights, 1 split, 2 order of batches, 5 points in the plane."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence((seed, purpose)).generate_state(1)[0]))
'''

_DIGITS: Final = """
classes = 10


def data(seed):
    train, test = split(seed)
    return features[train], labels[train], features[test], labels[test]
"""

_CURVES: Final = {
    "moons": """\
    x, y = torch.cos(math.pi * place), torch.sin(math.pi * place)
    x, y = x * (1 - 2 * side) - 0.5 + side, y * (1 - 2 * side) - 0.25 + 0.5 * side""",
    "circles": """\
    radius = 1 - 0.5 * side
    x, y = radius * torch.cos(2 * math.pi * place), radius * torch.sin(2 * math.pi * place)""",
    "spirals": """\
    radius, angle = 0.15 + 1.35 * place.sqrt(), 3 * math.pi * place.sqrt() + math.pi * side
    x, y = radius * torch.cos(angle), radius * torch.sin(angle)""",
}

_PLANE: Final = '''\
classes, samples, tests, noise = 2, {samples}, 1000, {noise!r}


def data(seed):
    """Two curves ({name}), a place on each uniformly at random, scattered in both directions."""
    generator = stream(seed, 5)
    labels = torch.arange(samples + tests) % 2
    place, side = torch.rand(len(labels), generator=generator, dtype=torch.float64), labels.double()
{curve}
    points = torch.stack([x, y], dim=1) + noise * torch.randn(len(labels), 2, generator=generator, dtype=torch.float64)
    points = points.float()
    return points[:samples], labels[:samples], points[samples:], labels[samples:]
'''

_UPLOAD: Final = """\
columns, names = table[:, :-1].astype(float), table[:, -1]
deviation = columns.std(axis=0)
scaled = (columns - columns.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
features = torch.from_numpy(scaled).float()
labels = torch.from_numpy(np.unique(names, return_inverse=True)[1])
"""

_NETWORK: Final = '''\
depth, width, batch_size, epochs = {depth}, {width}, {batch_size}, {epochs}


{linear}

class LayerwiseGroups(nn.GroupNorm):
    """nn.GroupNorm with 8 groups, or as many as leave 4 units in each."""

    def __init__(self, units):
        fitting = [g for g in range(1, 9) if units % g == 0 and units // g >= 4]
        super().__init__(max(fitting, default=1), units)


NORMALIZERS = {{"batch": nn.BatchNorm1d, "layer": nn.LayerNorm, "group": LayerwiseGroups}}


def build(normalizer, seed, inputs):
    generator, modules = stream(seed, 0), []
    for _ in range(depth):
        # A bias right in front of batch norm would have no effect.
        modules.append(linear(inputs, width, generator, bias=normalizer != "batch"))
        if normalizer != "none":
            modules.append(NORMALIZERS[normalizer](width))
        modules.append({activation})
        inputs = width
    return nn.Sequential(*modules, linear(inputs, classes, generator))


def batches(samples, seed):
    """One epoch after another in random order, the short last batch dropped."""
    order = stream(seed, 2)
    if batch_size > samples:
        yield from torch.randint(0, samples, (epochs, batch_size), generator=order)
        return
    for _ in range(epochs):
        shuffled = torch.randperm(samples, generator=order)
        for start in range(0, samples - batch_size + 1, batch_size):
            yield shuffled[start : start + batch_size]


def optimizer_of(network, learning_rate):
    return {optimizer}
'''

_OPTIMIZERS: Final = {
    "sgd": "torch.optim.SGD(network.parameters(), lr=learning_rate)",
    "momentum": "torch.optim.SGD(network.parameters(), lr=learning_rate, momentum=0.9)",
    "adam": "torch.optim.Adam(network.parameters(), lr=learning_rate)",
}


def imports(settings: TrainingSettings, upload: Reader | None) -> str:
    """The import lines."""
    if settings.source == "upload":
        lines = dict.fromkeys([*reader.imports(upload), "import math", "import numpy as np"])
        return (
            "".join(f"{line}\n" for line in sorted(lines, key=lambda line: "numpy" in line))
            + "import torch\nfrom torch import nn\n"
        )
    digits = "from sklearn.datasets import load_digits\n" if settings.source == "digits" else ""
    return f"import math\n\nimport numpy as np\nimport torch\n{digits}from torch import nn\n"


def data(settings: TrainingSettings, upload: Reader | None) -> str:
    """`data(seed)`: features and labels to train on, then to test on; and `classes`."""
    if settings.source == "digits":
        return DIGITS_AND_SPLIT + "\n" + _DIGITS
    if settings.source == "upload":
        # The split is that of the digits, without the lines that load them.
        split = DIGITS_AND_SPLIT[DIGITS_AND_SPLIT.index("def quota") :]
        classes = _DIGITS.replace("classes = 10", "classes = int(labels.max()) + 1")
        return f"{_STREAM}\n\n{reader.lines(upload, 'table')}{_UPLOAD}\n\n{split}\n{classes}"
    plane = _PLANE.format(
        samples=settings.samples, noise=settings.noise, name=settings.source, curve=_CURVES[settings.source]
    )
    return f"{_STREAM}\n\n{plane}"


def network(settings: TrainingSettings) -> str:
    """`build`, `batches` and `optimizer_of`."""
    return _NETWORK.format(
        depth=settings.depth,
        width=settings.width,
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        linear=linear(settings.init),
        activation=ACTIVATIONS[settings.activation],
        optimizer=_OPTIMIZERS[settings.optimizer],
    )


def filled(template: str, settings: TrainingSettings, upload: Reader | None, **others: Any) -> str:
    """A script's `template` with what all topics share, and with `others`; `upload`: the visitor's own file."""
    return template.format(
        imports=imports(settings, upload),
        data=data(settings, upload),
        network=network(settings),
        first=settings.seed,
        last=settings.seed + settings.seeds,
        normalizers=settings.normalizers,
        **others,
    )
