"""What the scripts of all topics of the lab `convolution` begin with."""

from __future__ import annotations

from typing import Final

from bnviz.labs.convolution.shared.settings import ImageSettings
from bnviz.scripting import reader
from bnviz.scripting.reader import Reader

STREAM: Final = '''
torch.set_num_threads(1)


def stream(purpose):
    """A generator of its own for each purpose: 0 kernels, 2 samples."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence((seed, purpose)).generate_state(1)[0]))


def tiles(images):
    """All 8×8 tiles of a grid over images (P, K, H, W)."""
    P, K, H, W = images.shape
    cut = images[:, :, : H // 8 * 8, : W // 8 * 8].reshape(P, K, H // 8, 8, W // 8, 8)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(-1, K, 8, 8)

'''
IMAGES: Final = {
    "digits": """
# 1797 handwritten digits, pixels scaled to [0, 1].
images = torch.from_numpy(load_digits().images).float().unsqueeze(1) / 16
""",
    "photos": """
# Two photographs, shrunk four times: the mean colour of every 4×4 block.
blocks = np.stack([photo[:416].reshape(104, 4, 160, 4, 3) for photo in load_sample_images().images])
images = torch.from_numpy(np.rint(blocks.mean(axis=(2, 4)))).float().permute(0, 3, 1, 2) / 255
""",
}
UPLOAD: Final = """
# Your images (P, K, H, W), scaled to [0, 1].
{lines}images = torch.from_numpy(images).float()
"""
EDGE: Final = """
# Robinson's compass: one edge detector, turned by 45° seven times.
ring = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
edge = torch.zeros(8, 3, 3)
for turn in range(8):
    for place, (row, column) in enumerate(ring):
        edge[turn, row, column] = [-1, 0, 1, 2, 1, 0, -1, -2][(place - turn) % 8]
"""
BLUR: Final = """
# Weighted means.
blur = torch.tensor([
    [[1, 2, 1], [2, 4, 2], [1, 2, 1]], [[1, 1, 1], [1, 1, 1], [1, 1, 1]], [[0, 0, 0], [1, 1, 1], [0, 0, 0]],
    [[0, 1, 0], [0, 1, 0], [0, 1, 0]], [[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[0, 0, 1], [0, 1, 0], [1, 0, 0]],
    [[0, 1, 0], [1, 1, 1], [0, 1, 0]], [[1, 1, 1], [1, 0, 1], [1, 1, 1]],
]).float()
blur = blur / blur.sum(dim=(1, 2), keepdim=True)
"""
RANDOM: Final = """
# He's initialization for nine inputs.
random = torch.randn(8, 3, 3, generator=stream(0)) * (2 / 9) ** 0.5
"""
KERNELS: Final = {
    "edge": f"{EDGE}kernels = edge\n",
    "blur": f"{BLUR}kernels = blur\n",
    "random": f"{RANDOM}kernels = random\n",
    "mixed": f"{EDGE}{BLUR}{RANDOM}"
    "kernels = torch.stack([blur[0], edge[0], edge[2], random[5], blur[1], edge[1], edge[3], random[6]])\n",
}
CONVOLUTION: Final = """
# A fixed convolution; each kernel looks at the mean of the colours, and the border is continued outwards.
colours = images.shape[1]
conv = nn.Conv2d(colours, C, 3, padding=1, padding_mode="replicate", bias=False).requires_grad_(False)
conv.weight.copy_((kernels[:C, None] / colours).expand(C, colours, 3, 3))
samples = tiles(images)[:2000]
"""
NORMS: Final = {
    "batch": "nn.BatchNorm2d(C, eps={eps!r})",
    "layer": "nn.LayerNorm([C, {height}, {width}], eps={eps!r})",
    "instance": "nn.InstanceNorm2d(C, eps={eps!r}, affine=True)",
    "group": "nn.GroupNorm({groups}, C, eps={eps!r})",
}
SOURCES: Final = {"digits": "load_digits", "photos": "load_sample_images"}


def head(settings: ImageSettings, upload: Reader | None, names: dict[str, int]) -> str:
    """Imports, the `names` and what they stand for, the images, the kernels and the convolution."""
    own = settings.source == "upload"
    images = UPLOAD.format(lines=reader.lines(upload, "images")) if own else IMAGES[settings.source]
    imports = dict.fromkeys([*(reader.imports(upload) if own else []), "import numpy as np", "import torch"])
    parts = [
        '"""Which numbers share one mean: the run behind the lab `convolution` of bnviz."""\n',
        "\n".join(imports),
        f"from sklearn.datasets import {SOURCES[settings.source]}" if settings.source in SOURCES else None,
        "from torch import nn\n",
        *(f"{', '.join(row)} = {', '.join(str(names[name]) for name in row)}" for row in _rows(names)),
        STREAM + images + KERNELS[settings.kernels] + CONVOLUTION,
    ]
    return "\n".join(part for part in parts if part is not None)


def _rows(names: dict[str, int]) -> list[list[str]]:
    """The tensor's shape in a line of its own."""
    shape = [name for name in names if name in "NCHW"]
    return [shape, [name for name in names if name not in shape]]
