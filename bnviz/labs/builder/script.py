"""The page `builder` as PyTorch code: the block alone, to paste, and a script that tries it and prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.builder.plan import norm_follows, stages_of
from bnviz.labs.builder.settings import Settings

NO_BIAS: Final = "  # a bias would be subtracted again"
AXES: Final = {"linear": "N, C", "conv1d": "N, C, L", "conv2d": "N, C, H, W"}
TRY: Final = """
x = {scale}torch.randn({shape})  # {axes}
with torch.no_grad():
    y = block(x)

for name, tensor in block.state_dict().items():
    print(name, tuple(tensor.shape), tensor.dtype)
print(f"parameters = {{sum(p.numel() for p in block.parameters())}}")
print(f"buffers = {{sum(b.numel() for b in block.buffers())}}")
print(f"output_mean = {{y.mean():.6g}}")
print(f"output_std = {{y.std(correction=0):.6g}}")
"""


def block(settings: Settings) -> str:
    """The block as code to paste: imports, modules, mode."""
    return f"{_head()}\n{_modules(settings)}\n"


def script(settings: Settings) -> str:
    """A script that makes the block, sends the page's batch through it, and prints what the page shows."""
    scale = "" if settings.input_std == 1 else f"{settings.input_std!r} * "
    shape = ", ".join(map(str, settings.input_shape))
    tried = TRY.format(scale=scale, shape=shape, axes=AXES[settings.layer])
    title = '"""A layer, its normalizer, activation and Dropout: the block of the page `builder` of bnviz."""\n\n'
    return f"{title}{_head()}\ntorch.manual_seed({settings.seed})\n{_modules(settings)}\n{tried}"


def _head() -> str:
    return "import torch\nfrom torch import nn\n"


def _modules(settings: Settings) -> str:
    lines = []
    for stage in stages_of(settings):
        bare = stage.role == "layer" and norm_follows(settings) and not stage.options["bias"]
        lines.append(f"    {stage.code},{NO_BIAS if bare else ''}")
    return "\n".join(["block = nn.Sequential(", *lines, ")", f"block.{settings.mode}()"])
