"""Bayesian neural network, sampled by Hamiltonian Monte Carlo."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from archcast.core.heavy import torch
from archcast.predictors.helpers.sghmc import adaptive_sghmc
from archcast.predictors.helpers.tensor import TensorPredictor
from archcast.predictors.predictor import Tags

if TYPE_CHECKING:
    from torch import Tensor

NOISE, LEAST = 0.05, 0.01  # variances of labels' noise, where labels have variance one


class Bohamiann(TensorPredictor):
    """The mean over networks drawn from their posterior, by several chains in one batched program.

    A priori a weight is normal with a variance of two over its layer's inputs, as He et al. (2015)
    start theirs, so that the scale of the outputs is that of the labels at any width. The variance
    of the labels' noise is one more coordinate, a priori log-normal. The paper's network has three
    layers of 50 tanh units; one of ReLU units ranks better here and is twice as fast.

    Args:
        burn_in: steps of a chain until it yields samples.
        samples: kept from each chain, every `thin` steps.
        batch_size: labels that a step sees; all, where there are no more.
    """

    tags = Tags(probabilistic=True, paper="Springenberg et al., 2016, BOHAMIANN", version=2)

    def __init__(
        self,
        encoding: str = "auto",
        labels: str = "normal",
        width: int = 50,
        layers: int = 1,
        chains: int = 4,
        burn_in: int = 500,
        samples: int = 25,
        thin: int = 20,
        step_size: float = 0.03,
        batch_size: int = 512,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        self.encoding = encoding
        self.labels = labels
        self.width = width
        self.layers = layers
        self.chains = chains
        self.burn_in = burn_in
        self.samples = samples
        self.thin = thin
        self.step_size = step_size
        self.batch_size = batch_size
        self.device = device
        self.seed = seed

    def _fit_tensors(self, x: Tensor, y: Tensor) -> None:
        generator = torch.Generator(self.device).manual_seed(self.seed)
        self.sizes_ = [x.shape[1], *[self.width] * self.layers, 1]
        coordinates = sum((a + 1) * b for a, b in zip(self.sizes_, self.sizes_[1:], strict=False))
        start = torch.empty((self.chains, coordinates + 1), dtype=self.dtype, device=self.device)
        start.normal_(generator=generator)
        batch = min(self.batch_size, len(y))

        def potential(position: Tensor) -> Tensor:
            rows: Tensor | slice = slice(None)
            if batch < len(y):
                rows = torch.randint(len(y), (batch,), generator=generator, device=self.device)
            scores, noise = self._networks(position, x[rows])
            errors = (scores - y[rows]).square() / noise + noise.log()
            return (errors.sum() * len(y) / batch + position.square().sum()) / 2

        steps = adaptive_sghmc(
            potential, start, generator, self.burn_in, self.step_size,
            minibatches=batch < len(y),
        )  # fmt: skip
        end = self.burn_in + self.samples * self.thin
        self.posterior_ = torch.cat(
            list(islice(steps, self.burn_in + self.thin - 1, end, self.thin))
        )

    def _networks(self, positions: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (positions, n) and the variance of the labels' noise (positions, 1)."""
        values, at = x.clamp(-3, 3).expand(len(positions), *x.shape), 1
        for inputs, outputs in zip(self.sizes_, self.sizes_[1:], strict=False):
            if at > 1:
                values = torch.nn.functional.relu(values)
            size = (inputs + 1) * outputs
            layer = positions[:, at : at + size].view(-1, inputs + 1, outputs)
            scale = (2 / inputs) ** 0.5
            values = torch.baddbmm(layer[:, -1:], values, layer[:, :-1], alpha=scale)
            at += size
        return values.squeeze(2), NOISE * positions[:, :1].exp() + LEAST

    def _query_tensors(self, x: Tensor) -> Tensor:
        return self._query_tensors_with_std(x)[0]

    def _query_tensors_with_std(self, x: Tensor) -> tuple[Tensor, Tensor]:
        scores, noise = self._networks(self.posterior_, x)
        variance = scores.var(dim=0) + noise.mean()
        return scores.mean(dim=0), variance.sqrt()
