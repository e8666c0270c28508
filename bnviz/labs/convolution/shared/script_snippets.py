"""The lab `convolution` as a PyTorch script that stands alone and prints the page's numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bnviz.labs.convolution.shared.dispatch import Settings

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
    "upload": """
# Your image or images, (H, W), (H, W, 3), (N, H, W) or (N, H, W, 3), scaled to [0, 1].
array = np.load("my_data.npy").astype(np.float64)
if array.ndim < 4 and array.shape[-1] != 3:
    array = array[..., None]
if array.ndim == 3:
    array = array[None]
images = torch.from_numpy((array - array.min()) / (array.max() - array.min())).float().permute(0, 3, 1, 2)
""",
}
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
SOURCES: Final = {"digits": "load_digits", "photos": "load_sample_images"}


def script(settings: Settings) -> str:
    """A script that repeats the topic's run and prints its headline numbers by name."""
    N, C, H, W = settings.shape
    parts = [
        '"""Which numbers share one mean: the run behind the lab `convolution` of bnviz."""\n',
        "import numpy as np\nimport torch",
        f"from sklearn.datasets import {SOURCES[settings.source]}" if settings.source in SOURCES else None,
        "from torch import nn\n",
        f"N, C, H, W = {N}, {C}, {H}, {W}",
        f"channel, seed = {settings.channel}, {settings.seed}",
        STREAM + IMAGES[settings.source] + KERNELS[settings.kernels] + CONVOLUTION,
    ]
    body = {"sharing": _sharing, "maps": _maps, "effective": _effective}[settings.topic](settings)
    return "\n".join(part for part in parts if part is not None) + body


def _sharing(settings: Settings) -> str:
    N, C, H, W = settings.shape
    norm = NORMS[settings.normalizer].format(eps=settings.eps, height="H", width="W", groups=settings.groups)
    text = SHARING.format(norm=norm)
    if N * C * H * W > 1:  # PyTorch refuses a single number
        text += GAP_ONE.format(eps=settings.eps)
    if H * W > 1:
        text += GAP_ALL.format(eps=settings.eps)
    return text


def _maps(settings: Settings) -> str:
    batch = {
        "digits": "images[torch.randint(0, len(images), (1, N), generator=stream(2))[0]]",
        "photos": "images",
        "upload": "images[: max(1, min(4, 60_000 // images[0, 0].numel()))]",
    }[settings.source]
    norm = NORMS[settings.normalizer].format(eps=settings.eps, height="height", width="width", groups=settings.groups)
    return MAPS.format(batch=batch, norm=norm, gamma=settings.gamma, beta=settings.beta)


def _effective(settings: Settings) -> str:
    if settings.batch_size * settings.height * settings.width > 1:
        return EFFECTIVE
    # PyTorch refuses to train on a single number, which is its own mean.
    return EFFECTIVE.replace(
        "norm = nn.BatchNorm2d(B * C, momentum=1.0, affine=False)\nnorm(side_by_side)\n", ""
    ).replace("norm.running_mean.view", "side_by_side.view")
