"""The topic `maps` of the lab `convolution` as a PyTorch script that stands alone and prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.convolution.maps.settings import Settings
from bnviz.labs.convolution.shared.script_snippets import NORMS, head
from bnviz.scripting.reader import Reader

BATCHES: Final = {
    "digits": "images[torch.randint(0, len(images), (1, N), generator=stream(2))[0]]",
    "photos": "images",
    "upload": "images[: max(1, min(4, 60_000 // images[0, 0].numel()))]",
}
MAPS: Final = """
before = conv({batch})
height, width = before.shape[2:]
norm = {norm}
with torch.no_grad():
    norm.weight[channel] = {gamma!r}
    norm.bias[channel] = {beta!r}
    after = norm(before)

for name, maps in (("before", before), ("after", after)):
    one = maps[:, channel].double()
    print(f"{{name}}_mean = {{one.mean():.8g}}")
    print(f"{{name}}_std = {{one.std(correction=0):.8g}}")
"""


def script(settings: Settings, upload: Reader | None = None) -> str:
    """A script that repeats the run and prints its headline numbers by name; `upload`: the file that the page read."""
    norm = NORMS[settings.normalizer].format(eps=settings.eps, height="height", width="width", groups=settings.groups)
    names = {"N": settings.batch_size, "C": settings.channels, "channel": settings.channel, "seed": settings.seed}
    body = MAPS.format(batch=BATCHES[settings.source], norm=norm, gamma=settings.gamma, beta=settings.beta)
    return head(settings, upload, names) + body
