"""What each topic of the lab `modes` does after the head of its script, as Python source."""

from __future__ import annotations

from typing import Final

TRAIN: Final = """
train, test = split(seed)
network = build(seed, momentum)
optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
for batch in train[batches(len(train), steps, stream(seed, 2))]:
    optimizer.zero_grad()
    nn.functional.cross_entropy(network(features[batch]), labels[batch]).backward()
    optimizer.step()
"""

GAP: Final = (
    TRAIN
    + """
# The same weights and the same test images in both modes.
count = min(16, max(1, 450 // batch_size))
compared = test[batches(len(test), count, stream(seed, 2))]
seen = {}
first = norms_of(network)[0]
first.register_forward_hook(lambda module, arguments, output: seen["first"].append(output))


@torch.no_grad()
def answers(batched):
    seen["first"] = []
    logits = torch.cat([network(features[batch]) for batch in batched])
    return torch.cat(seen["first"]), logits


def gap(train_mode, other):
    spread = train_mode.double().var(0, correction=0).mean()
    return ((train_mode - other).double().square().mean() / spread).sqrt().item()


def wrong(logits):
    return 100 * (logits.argmax(1) != labels[compared.flatten()]).double().mean().item()


network.eval()
in_eval = answers(compared.flatten()[None])
recalibrate(network, features[train[batches(len(train), passes, stream(seed, 4))]])
recalibrated = answers(compared.flatten()[None])
network.train()
in_train = answers(compared)
print(f"gap_first_layer = {gap(in_train[0], in_eval[0])}")
print(f"gap_logits = {gap(in_train[1], in_eval[1])}")
print(f"gap_logits_recalibrated = {gap(in_train[1], recalibrated[1])}")
print(f"changed = {100 * (in_train[1].argmax(1) != in_eval[1].argmax(1)).double().mean().item()}")
print(f"error_train = {wrong(in_train[1])}")
print(f"error_eval = {wrong(in_eval[1])}")
print(f"error_recalibrated = {wrong(recalibrated[1])}")
"""
)

MOMENTUM_ERROR: Final = """
# The slow and plain way: one network per momentum and seed. The weights come out the same for every momentum.
errors = {momentum: [] for momentum in momentums}
recalibrated = []
for momentum in momentums:
    for replica in range(seed, seed + seeds):
        train, test = split(replica)
        network = build(replica, momentum)
        optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
        for batch in train[batches(len(train), steps, stream(replica, 2))]:
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(features[batch]), labels[batch]).backward()
            optimizer.step()
        network.eval()
        errors[momentum].append(100 * (network(features[test]).argmax(1) != labels[test]).double().mean().item())
        if momentum == momentums[0]:
            recalibrate(network, features[train[batches(len(train), passes, stream(replica, 4))]])
            recalibrated.append(100 * (network(features[test]).argmax(1) != labels[test]).double().mean().item())
    print(f"error[{'cumulative' if momentum is None else momentum}] = {np.mean(errors[momentum])}")
print(f"error_recalibrated = {np.mean(recalibrated)}")
"""

FREEZE_MATRIX: Final = """
def task(indices, first):
    kept = indices[(labels[indices] >= first) & (labels[indices] < first + 5)]
    return features[kept], labels[kept] - first


def fit(network, images, targets, count, purpose):
    optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
    for batch in batches(len(targets), count, stream(seed, purpose)):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images[batch]), targets[batch]).backward()
        optimizer.step()


def pretrained(track):
    norm = lambda: nn.BatchNorm1d(width, momentum=momentum, track_running_stats=track)
    network = build(seed, momentum, norm)
    fit(network, *task(train, 0), 100, 2)
    return network


def state(body, images):
    norms = norms_of(body)
    with torch.no_grad():
        told = body.eval()(images)
    return {
        "weights": [module.weight for module in body if isinstance(module, nn.Linear)],
        "gamma": [norm.weight for norm in norms],
        "beta": [norm.bias for norm in norms],
        "running_mean": [norm.running_mean for norm in norms if norm.track_running_stats],
        "running_var": [norm.running_var for norm in norms if norm.track_running_stats],
        "features": [told],
    }


def flat(tensors):
    return torch.cat([tensor.detach().flatten().double() for tensor in tensors])


train, test = split(seed)
old_images, old_labels = task(test, 0)
for track in (True, False):
    for requires_grad in (True, False):
        for eval_mode in (False, True):
            before, network = pretrained(track).eval(), pretrained(track).train()
            body = network[:-1]
            if not requires_grad:
                for module in [body] if frozen == "body" else norms_of(body):
                    module.requires_grad_(False)
            for norm in norms_of(body):
                norm.train(not eval_mode)
            fit(network, *task(train, 5), steps, 4)
            then, now = state(before[:-1], old_images), state(body, old_images)
            name = f"{requires_grad},{'eval' if eval_mode else 'train'},{track}"
            for quantity in ("weights", "gamma", "running_mean", "features"):
                if then[quantity]:
                    a, b = flat(then[quantity]), flat(now[quantity])
                    scale = a.var(correction=0).sqrt() * len(a) ** 0.5 if quantity == "features" else a.norm()
                    print(f"{quantity}[{name}] = {((b - a).norm() / scale).item()}")
"""

UPDATE_COUNT: Final = """
train, test = split(seed)
stock = train[batches(len(train), steps * accumulation + 1, stream(seed, 2))]
validation = test[batches(len(test), 1, stream(seed, 2))[0]]


def loss_of(network, batch, logits=None):
    return nn.functional.cross_entropy(network(features[batch]) if logits is None else logits, labels[batch])


def checkpointed(network, batch, use_reentrant):
    values = features[batch].clone().requires_grad_()
    for start in range(0, len(network) - 1, 3):
        values = checkpoint(network[start : start + 3], values, use_reentrant=use_reentrant)
    return loss_of(network, batch, network[-1](values))


def step(network, way, parts):
    if way.startswith("checkpoint"):
        checkpointed(network, parts[0], way == "checkpoint_reentrant").backward()
        return
    passes = parts * 2 if way == "second_pass" else parts
    sum(loss_of(network, batch) for batch in passes).div(len(passes)).backward()


for way in ("plain", "accumulation", "second_pass", "checkpoint", "checkpoint_reentrant", "validation"):
    # Two networks that differ in the running means that they start with, 0 and 1: their difference is the old value's weight.
    networks = [build(seed, momentum), build(seed, momentum)]
    for norm in norms_of(networks[1]):
        norm.running_mean.fill_(1.0)
    optimizers = [torch.optim.SGD(network.parameters(), lr=learning_rate) for network in networks]
    at = 0
    for number in range(steps):
        count = accumulation if way == "accumulation" else 1
        parts, at = list(stock[at : at + count]), at + count
        for network, optimizer in zip(networks, optimizers):
            optimizer.zero_grad()
            step(network, way, parts)
            optimizer.step()
            if way == "validation":
                with torch.no_grad():
                    network(features[validation])  # nobody called eval()
        if number == 0:
            first, second = (norms_of(network)[0].running_mean.double() for network in networks)
            old_weight = (second - first).mean().item()
    print(f"updates[{way}] = {norms_of(networks[0])[0].num_batches_tracked.item() / steps}")
    print(f"momentum[{way}] = {1 - old_weight}")
"""

INFLUENCE: Final = """
kinds = {
    "batch": None,
    "layer": lambda: nn.LayerNorm(width),
    "group": lambda: nn.GroupNorm(groups, width),
    "none": nn.Identity,
}
train, _ = split(seed)
stock = train[batches(len(train), 22, stream(seed, 2))]
for name, norm in kinds.items():
    network = build(seed, momentum, norm)
    optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
    for batch in stock[:20]:
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(features[batch]), labels[batch]).backward()
        optimizer.step()
    network.train(mode == "train")
    images = features[stock[21]]
    # jacobian[i, k, j]: how logit k of sample i answers to the image of sample j.
    jacobian = torch.autograd.functional.jacobian(network, images)
    influence = jacobian.double().square().sum((1, 3)).sqrt()
    own = influence.diagonal()
    print(f"from_others[{name}] = {(1 - own.square() / influence.square().sum(1)).mean().item()}")
    print(f"others_that_move[{name}] = {((influence != 0).sum(0) - (own != 0).long()).double().mean().item()}")
"""

POISON: Final = """
poison = {"nan": math.nan, "inf": math.inf, "huge": 1e25, "large": 1e4}[poison]


def step(network, optimizer, images, targets):
    network.train()
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(network(images), targets)
    if math.isfinite(loss.item()) or not skip_bad_steps:
        loss.backward()
        optimizer.step()


@torch.no_grad()
def error(network):
    logits = network(features[test])
    return 100 * (logits.argmax(1) != labels[test]).double().mean().item() if logits.isfinite().all() else math.nan


train, test = split(seed)
stock = train[batches(len(train), steps + 100, stream(seed, 2))]
network = build(seed, momentum)
optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
for number, batch in enumerate(stock[:steps], start=1):
    images = features[batch]
    if number == poison_at:
        images[0, 36] = poison  # one pixel of one image
    step(network, optimizer, images, labels[batch])

print(f"error_eval = {error(network.eval())}")
print(f"error_train = {error(copy.deepcopy(network).train())}")

cured = copy.deepcopy(network)
optimizer = torch.optim.SGD(cured.parameters(), lr=learning_rate)
for batch in stock[steps:]:
    step(cured, optimizer, features[batch], labels[batch])
print(f"cured[more_batches] = {error(cured.eval())}")

cured = copy.deepcopy(network).train()
for norm in norms_of(cured):
    norm.momentum = 1.0
with torch.no_grad():
    cured(features[stock[steps]])
print(f"cured[momentum_one] = {error(cured.eval())}")

cured = copy.deepcopy(network).eval()
for norm in norms_of(cured):
    norm.reset_running_stats()
print(f"cured[reset] = {error(cured)}")

cured = copy.deepcopy(network)
recalibrate(cured, features[train[batches(len(train), passes, stream(seed, 4))]])
print(f"cured[recalibrate] = {error(cured)}")
"""
