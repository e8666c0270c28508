"""PyTorch floor: data, networks, probes. Tensors live here and in `experiments`, nowhere above."""
