"""What a training step takes, against what can be counted by hand."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from archcast.networks.memory import training_memory

FLOAT = 4  # bytes


def total(outputs: Tensor, _: Tensor) -> Tensor:
    return outputs.sum()


@pytest.mark.parametrize("layers", [2, 3, 6])
def test_of_activations_by_hand(layers: int) -> None:
    """Each ReLU keeps its output; at most the input, these and one gradient are alive."""
    network = nn.Sequential(nn.Linear(100, 100, bias=False), *(nn.ReLU() for _ in range(layers)))
    found = training_memory(network, torch.randn(1_000, 100), torch.zeros(1), total)
    scalars = 3 * FLOAT  # the target, the loss, and its gradient
    assert found == FLOAT * (100 * 100 + 1_000 * 100 * (1 + layers + 1)) + scalars


def test_of_weights_by_hand() -> None:
    """With few examples weights and their gradients are all but everything."""
    network = nn.Sequential(nn.Linear(500, 500), nn.Linear(500, 500))
    weights = sum(p.numel() for p in network.parameters())
    found = training_memory(network, torch.randn(1, 500), torch.zeros(1), total)
    assert found == pytest.approx(2 * FLOAT * weights, rel=0.01)


def test_the_network_stays_as_it_is() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten()).eval()
    before = copy.deepcopy(network.state_dict())
    images, targets = torch.randn(8, 1, 4, 4), torch.zeros(8, dtype=torch.long)
    found = training_memory(network, images, targets, nn.functional.cross_entropy)
    assert not network.training
    assert all(p.grad is None for p in network.parameters())
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
    assert found == training_memory(network, images, targets, nn.functional.cross_entropy)


def test_shared_storage_counts_once() -> None:
    class Views(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return inputs.view(-1).view(10, -1).t()

    inputs = torch.randn(1_000, requires_grad=True)
    found = training_memory(Views(), inputs, torch.zeros(1), total)
    assert found < FLOAT * 1_000 * 2.1, "the input and its gradient"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_as_the_allocator_of_a_gpu_counts() -> None:
    before = torch.cuda.memory_allocated()  # by other tests
    network = nn.Sequential(*(nn.Conv2d(8, 8, 3, padding=1) for _ in range(4)), nn.Flatten()).cuda()
    images = torch.randn(64, 8, 32, 32, device="cuda")
    targets = torch.zeros(64, dtype=torch.long, device="cuda")
    found = training_memory(network, images, targets, nn.functional.cross_entropy)
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    nn.functional.cross_entropy(network(images), targets).backward()
    assert found == pytest.approx(torch.cuda.max_memory_allocated() - before, rel=0.1)
