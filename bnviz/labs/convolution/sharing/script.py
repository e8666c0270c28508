"""The topic `sharing` of the lab `convolution` as a PyTorch script that stands alone and prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.convolution.shared.script_snippets import NORMS, head
from bnviz.labs.convolution.sharing.settings import Settings
from bnviz.scripting.reader import Reader

SHARING: Final = """
order = torch.randint(0, len(samples), (1, N), generator=stream(2))
x = nn.AdaptiveAvgPool2d((H, W))(conv(samples[order[0]])).double()  # the tensor (N, C, H, W)
norm = {norm}.double()

# Who shares? Change one number, and see which outputs PyTorch changes; go on with the next one that has no group yet.
with torch.no_grad():
    y = norm(x)
    step = 1 + 3 * float(x.std(correction=0))
    membership = torch.full((x.numel(),), -1)
    statistics = 0
    for i in range(x.numel()):
        if membership[i] < 0:
            moved = x.clone()
            moved.view(-1)[i] += step
            changed = (norm(moved) != y).flatten()
            if i == 0:
                print(f"moved = {{int(changed.sum())}}")
            membership[changed] = statistics
            membership[i] = statistics
            statistics += 1

shared = x.flatten()[membership == membership[0]]  # everything that shares with the very first number
print(f"statistics = {{statistics}}")
print(f"elements_per_statistic = {{x.numel() // statistics}}")
print(f"mean = {{shared.mean():.8g}}")
print(f"variance = {{shared.var(correction=0):.8g}}  # biased: what normalizes")
print(f"normalized = {{y.flatten()[0]:.8g}}")
"""
GAP_ONE: Final = """
with torch.no_grad():
    gap = nn.GroupNorm(1, C, eps={eps!r}).double()(x) - nn.LayerNorm([C, H, W], eps={eps!r}).double()(x)
print(f"group_one_gap = {{gap.abs().max():.3g}}  # GroupNorm(1) is LayerNorm")
"""
GAP_ALL: Final = """
with torch.no_grad():
    gap = nn.GroupNorm(C, C, eps={eps!r}).double()(x) - nn.InstanceNorm2d(C, eps={eps!r}).double()(x)
print(f"group_all_gap = {{gap.abs().max():.3g}}  # GroupNorm(C) is InstanceNorm")
"""


def script(settings: Settings, upload: Reader | None = None) -> str:
    """A script that repeats the run and prints its headline numbers by name; `upload`: the file that the page read."""
    N, C, H, W = settings.shape
    norm = NORMS[settings.normalizer].format(eps=settings.eps, height="H", width="W", groups=settings.groups)
    text = head(settings, upload, {"N": N, "C": C, "H": H, "W": W, "seed": settings.seed}) + SHARING.format(norm=norm)
    if N * C * H * W > 1:  # PyTorch refuses a single number
        text += GAP_ONE.format(eps=settings.eps)
    if H * W > 1:
        text += GAP_ALL.format(eps=settings.eps)
    return text
