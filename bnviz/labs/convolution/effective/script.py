"""The topic `effective` of the lab `convolution` as a PyTorch script that stands alone and prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.convolution.effective.settings import Settings
from bnviz.labs.convolution.shared.script_snippets import head
from bnviz.scripting.reader import Reader

EFFECTIVE: Final = """
B = 1000
order = torch.randint(0, len(samples), (B, N), generator=stream(2))
maps = nn.AdaptiveAvgPool2d((H, W))(conv(samples))  # the whole population

# All batches pass one BatchNorm2d side by side, each with channels of its own; momentum 1 keeps each batch's mean.
side_by_side = maps[order.T.reshape(-1)].view(N, B * C, H, W)
norm = nn.BatchNorm2d(B * C, momentum=1.0, affine=False)
norm(side_by_side)
means = norm.running_mean.view(B, C)[:, channel].double()

one = maps[:, channel].double().flatten(1)
one = one - one.mean()
moments = one.T @ one / len(one)  # of two pixels of one map
variance = moments.trace() / (H * W)
rho = (moments.sum() / variance - H * W) / (H * W * (H * W - 1)) if H * W > 1 else torch.tensor(0.0)

print(f"numbers = {N * H * W}")
print(f"mean_correlation = {rho:.8g}")
print(f"effective_samples = {variance / means.var():.8g}")
print(f"effective_samples_theory = {N * H * W / (1 + (H * W - 1) * rho):.8g}")
"""


def script(settings: Settings, upload: Reader | None = None) -> str:
    """A script that repeats the run and prints its headline numbers by name; `upload`: the file that the page read."""
    N, C, H, W = settings.shape
    names = {"N": N, "C": C, "H": H, "W": W, "channel": settings.channel, "seed": settings.seed}
    text = head(settings, upload, names) + EFFECTIVE
    if N * H * W > 1:
        return text
    # PyTorch refuses to train on a single number, which is its own mean.
    without_norm = text.replace("norm = nn.BatchNorm2d(B * C, momentum=1.0, affine=False)\nnorm(side_by_side)\n", "")
    return without_norm.replace("norm.running_mean.view", "side_by_side.view")
