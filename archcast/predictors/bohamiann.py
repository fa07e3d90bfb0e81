"""Bayesian neural network, sampled by Hamiltonian Monte Carlo."""

from __future__ import annotations

from itertools import islice

import torch
from torch import Tensor
from torch.nn import functional

from archcast.predictors.base import Tags
from archcast.predictors.sghmc import adaptive_sghmc
from archcast.predictors.tensor import TensorPredictor


class Bohamiann(TensorPredictor):
    """The mean over networks drawn from their posterior, by several chains in one batched program.

    The paper's network has tanh units and normal weights. Here a weight is normal with a variance
    of one over its layer's inputs, so that outputs have the labels' scale at any width, and the
    log variance of the label noise is one more coordinate, a priori normal around that of 10 % of
    the labels' variance.

    Args:
        burn_in: steps of a chain until it yields samples.
        samples: kept from each chain, every `thin` steps.
        batch_size: labels that a step sees; all, where there are no more.
    """

    tags = Tags(probabilistic=True, paper="Springenberg et al., 2016, BOHAMIANN")

    def __init__(
        self,
        encoding: str = "graph-features",
        labels: str = "normal",
        width: int = 50,
        layers: int = 1,
        chains: int = 4,
        burn_in: int = 300,
        samples: int = 20,
        thin: int = 15,
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
                values = functional.relu(values)
            size = (inputs + 1) * outputs
            weight = positions[:, at : at + size].view(-1, inputs + 1, outputs)
            values = torch.baddbmm(weight[:, -1:], values, weight[:, :-1], alpha=(GAIN/inputs)**0.5)
            at += size
        return values.squeeze(2), NOISE * positions[:, :1].exp() + LEAST

    def _query_tensors(self, x: Tensor) -> Tensor:
        return self._query_tensors_with_std(x)[0]

    def _query_tensors_with_std(self, x: Tensor) -> tuple[Tensor, Tensor]:
        scores, noise = self._networks(self.posterior_, x)
        variance = scores.var(dim=0) + noise.mean()
        return scores.mean(dim=0), variance.sqrt()


NOISE, LEAST = 0.1, 0.01  # variances of label noise, of labels with variance one
GAIN=1.
