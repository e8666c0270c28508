"""The lab `layer` as a PyTorch script that stands alone and prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.layer.settings import Settings
from bnviz.scripting import reader
from bnviz.scripting.reader import Reader
from bnviz.scripting.snippets import ACTIVATIONS

SYNTHETIC: Final = {
    "gaussian": "    return torch.randn({shape})",
    "uniform": "    return (torch.rand({shape}) * 2 - 1) * 3**0.5",
    "skewed": "    return -torch.log1p(-torch.rand({shape})) - 1  # exponential, mean 0, standard deviation 1",
    "bimodal": (
        "    side = torch.randint(0, 2, {shape}) * 2 - 1\n"
        "    return 0.9 * side + 0.19**0.5 * torch.randn({shape})  # two peaks, mean 0, standard deviation 1"
    ),
}
LOAD_DIGITS: Final = (
    "samples = torch.tensor(load_digits().images / 16, dtype=torch.float32)  # 1797 real digits in [0, 1]"
)
UPLOAD: Final = "samples = torch.tensor(samples, dtype=torch.float32)  # rows are samples"
FLATTEN: Final = "samples = samples.flatten(1)"
AS_IMAGES: Final = "samples = samples.reshape(len(samples), 1, int(samples[0].numel() ** 0.5), -1)"
ORDER: Final = """
# Epochs of random order without replacement; the short last batch of an epoch is dropped.
per_epoch = len(samples) // batch_size
epochs = -(-(warmup + steps) // per_epoch)
order = torch.cat([torch.randperm(len(samples))[: per_epoch * batch_size] for _ in range(epochs)]).view(-1, batch_size)
"""
ORDER_OF_ANY: Final = """
# Epochs of random order without replacement; batches larger than the table draw with replacement.
if batch_size > len(samples):
    order = torch.randint(0, len(samples), (warmup + steps, batch_size))
else:
    per_epoch = len(samples) // batch_size
    epochs = -(-(warmup + steps) // per_epoch)
    rows = [torch.randperm(len(samples))[: per_epoch * batch_size] for _ in range(epochs)]
    order = torch.cat(rows).view(-1, batch_size)
"""
LOOP: Final = """
with torch.no_grad():
    norm.train()
    for t in range(warmup):
        norm(layer(batch(t)) * input_scale + input_shift)

    norm.train({train})
    for t in range(steps):
        x = layer(batch(warmup + t)) * input_scale + (input_shift + drift * t)  # what enters batch norm
        y = norm(x)
        out = activation(y)

    # The last batch, one channel.
    x, out = x[:, channel], out[:, channel]
    batch_mean, batch_var = x.mean(), x.var(correction=0)  # biased: what normalizes in training
    used_mean, used_var = {used}
    normalized = (x - used_mean) / torch.sqrt(used_var + norm.eps)

print(f"batch_mean = {{batch_mean:.6g}}")
print(f"batch_var = {{batch_var:.6g}}")
print(f"used_mean = {{used_mean:.6g}}")
print(f"used_var = {{used_var:.6g}}")
print(f"normalized_mean = {{normalized.mean():.6g}}")
print(f"normalized_std = {{normalized.std(correction=0):.6g}}")
print(f"output_mean = {{out.mean():.6g}}")
print(f"output_std = {{out.std(correction=0):.6g}}")
"""
RUNNING: Final = """\
print(f"running_mean = {norm.running_mean[channel]:.6g}")
print(f"running_var = {norm.running_var[channel]:.6g}  # fed with the unbiased variance")
"""


def script(settings: Settings, upload: Reader | None = None) -> str:
    """A script that repeats the run and prints the numbers of the last batch and the chosen channel by name."""
    s = settings
    momentum = None if s.momentum == "cumulative" else s.momentum
    used = "batch_mean, batch_var"
    if s.statistics_source == "running":
        used = "norm.running_mean[channel], norm.running_var[channel]"
    parts = [
        _head(s, upload),
        f"torch.manual_seed({s.seed})",
        f"batch_size, warmup, steps, channel = {s.batch_size}, {s.warmup}, {s.steps}, {s.channel}",
        f"input_scale, input_shift, drift = {s.input_scale!r}, {s.input_shift!r}, {s.drift!r}",
        "",
        *_load(s, upload),
        _layer(s),
        f"norm = nn.BatchNorm{'2d' if s.layer == 'conv' else '1d'}(",
        f"    {s.channels}, eps={s.eps!r}, momentum={momentum!r}, affine={s.affine}, "
        f"track_running_stats={s.track_running_stats}",
        ")",
        *_affine(s),
        f"activation = {ACTIVATIONS[s.activation]}",
        _batch(s),
        LOOP.format(train=s.mode == "train", used=used),
    ]
    return "\n".join(parts) + (RUNNING if s.track_running_stats else "")


def _head(settings: Settings, upload: Reader | None) -> str:
    needed = {"digits": "from sklearn.datasets import load_digits\n", "upload": ""}.get(settings.source, "")
    reading = "".join(f"{line}\n" for line in reader.imports(upload)) if settings.source == "upload" else ""
    return (
        '"""What batch norm does to the numbers: the run behind the lab `layer` of bnviz."""\n\n'
        f"{reading}import torch\n{needed}from torch import nn\n"
    )


def _load(settings: Settings, upload: Reader | None) -> list[str]:
    if settings.source not in {"digits", "upload"}:
        return []
    load = LOAD_DIGITS if settings.source == "digits" else reader.lines(upload, "samples") + UPLOAD
    return [load, AS_IMAGES if settings.layer == "conv" else FLATTEN]


def _layer(settings: Settings) -> str:
    inputs = "samples.shape[1]" if settings.source in {"digits", "upload"} else "1"
    if settings.layer == "conv":
        return f"layer = nn.Conv2d({inputs}, {settings.channels}, 3, padding=1)"
    return f"layer = nn.Linear({inputs}, {settings.channels})"


def _affine(settings: Settings) -> list[str]:
    if not settings.rescales:
        return []
    return [f"nn.init.constant_(norm.weight, {settings.gamma!r})", f"nn.init.constant_(norm.bias, {settings.beta!r})"]


def _batch(settings: Settings) -> str:
    if settings.source in {"digits", "upload"}:
        order = ORDER if settings.source == "digits" else ORDER_OF_ANY
        return f"{order}\n\ndef batch(t):\n    return samples[order[t]]\n"
    shape = "(batch_size, 1, 8, 8)" if settings.layer == "conv" else "(batch_size, 1)"
    return f"\n\ndef batch(t):  # drawn when it is asked for\n{SYNTHETIC[settings.source].format(shape=shape)}\n"
