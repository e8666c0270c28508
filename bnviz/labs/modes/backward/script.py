"""The topic `backward` of the lab `modes` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.modes.backward.settings import Settings
from bnviz.labs.modes.shared.script_snippets import NETWORK, head

TEMPLATE: Final = """
def adopt_statistics(network, batch):
    norms = norms_of(network)
    for norm in norms:
        norm.momentum = 1.0
    network.train()
    with torch.no_grad():
        network(features[batch].to(norms[0].weight.dtype))
    for norm in norms:
        norm.running_var.mul_(1 - 1 / batch_size)  # PyTorch keeps the unbiased variance, and normalizes with the biased one
    network.eval()


def loss_of(network, batch):
    dtype = network[0].weight.dtype
    return nn.functional.cross_entropy(network(features[batch].to(dtype)), labels[batch])


def gradients(network, batch):
    loss = loss_of(network, batch)
    weights = [module.weight for module in network if isinstance(module, nn.Linear)][:-1]
    return loss.item(), torch.autograd.grad(loss, weights)


def cosine(first, second):
    return (first.flatten() @ second.flatten() / (first.norm() * second.norm())).item()


train, test = split(seed)
*stock, last = train[batches(len(train), steps + 1, stream(seed, 2))]
networks, losses = {}, {}
for way in ("train", "constants"):
    networks[way] = network = build(seed, momentum)
    optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
    losses[way] = []
    for batch in stock:
        if way == "constants":
            adopt_statistics(network, batch)  # the outputs stay the same, only the gradient changes
        optimizer.zero_grad()
        loss = loss_of(network, batch)
        loss.backward()
        losses[way].append(loss.item())
        optimizer.step()

network = networks["train"].double()
running = gradients(copy.deepcopy(network).eval(), last)
adopted = copy.deepcopy(network)
adopt_statistics(adopted, last)
same = gradients(adopted, last)

norm = norms_of(network)[0]
norm.register_full_backward_hook(lambda module, at_input, at_output: seen.update(input=at_input[0], output=at_output[0]))
seen = {}
network.train()
values = features[last].double()
spread = (network[0](values).var(0, correction=0) + norm.eps).sqrt()
loss_of(network, last).backward()
kept = seen["input"].square().sum() / (norm.weight / spread * seen["output"]).square().sum()
in_train = gradients(network, last)

print(f"batch_loss = {in_train[0]}")
print(f"batch_loss_same = {same[0]}")
print(f"cosine_same_first_layer = {cosine(in_train[1][0], same[1][0])}")
print(f"cosine_same_last_layer = {cosine(in_train[1][-1], same[1][-1])}")
print(f"cosine_running_first_layer = {cosine(in_train[1][0], running[1][0])}")
print(f"kept_first_layer = {kept.item()}")
for way, course in losses.items():
    print(f"loss_end[{way}] = {np.mean(course[-max(1, steps // 4):])}")
    print(f"weight_norm[{way}] = {networks[way][0].weight.norm().item()}")
"""


def script(settings: Settings) -> str:
    """The script for `settings`."""
    question = "The outputs of both modes are the same. Are the gradients?"
    return head(settings, "backward", question, (*NETWORK, "steps"), "import copy\n") + TEMPLATE
