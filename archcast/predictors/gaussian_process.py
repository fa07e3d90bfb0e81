"""Gaussian-process regression: exact, and by inducing points."""

from __future__ import annotations

import sys
from copy import deepcopy
from typing import TYPE_CHECKING, ClassVar

from archcast.core.heavy import torch
from archcast.predictors.helpers.capacity import sized
from archcast.predictors.helpers.tensor import TensorPredictor
from archcast.predictors.predictor import Tags

if TYPE_CHECKING:
    from gpytorch.kernels import Kernel
    from gpytorch.likelihoods import GaussianLikelihood
    from torch import Tensor


class GaussianProcess(TensorPredictor):
    """Exact Gaussian process whose hyperparameters maximise the evidence, by L-BFGS.

    See `matern` for the kernel; `steps` bounds the iterations. Of more than 1,000 labels as many,
    evenly spread, decide the hyperparameters, and scores are of all: the time of a step grows with
    the cube of the labels. The study's kernel is squared exponential, with one length scale that is
    never fitted.
    """

    tags = Tags(probabilistic=True, paper="Rasmussen & Williams, 2006", version=4)
    precision = "float64"
    _deciding: ClassVar[int] = 1_000
    _low_rank: ClassVar[bool] = False  # of the kernel

    def __init__(
        self,
        encoding: str = "auto",
        labels: str = "normal",
        steps: int = 20,
        device: str = "cpu",
    ) -> None:
        self.encoding = encoding
        self.labels = labels
        self.steps = steps
        self.device = device

    def _fit_tensors(self, x: Tensor, y: Tensor) -> None:
        from gpytorch.mlls import ExactMarginalLogLikelihood
        from linear_operator.utils.errors import NotPSDError

        from archcast.predictors.helpers.gp_models import ExactGP, cholesky, little_noise

        some = torch.linspace(0, len(y) - 1, min(self._deciding, len(y))).round().long()
        few_x, few_y = x[some], y[some]
        likelihood = little_noise()
        self.model_ = ExactGP(few_x, few_y, likelihood, self._kernel(x, likelihood)).to(x)
        evidence = ExactMarginalLogLikelihood(likelihood, self.model_)
        optimizer = torch.optim.LBFGS(
            self.model_.parameters(), max_iter=self.steps, line_search_fn="strong_wolfe"
        )

        tried: list[tuple[float, dict[str, Tensor]]] = []

        def loss() -> Tensor:
            optimizer.zero_grad()
            value: Tensor = -evidence(self.model_(few_x), few_y)
            value.backward()
            tried.append((value.item(), deepcopy(self.model_.state_dict())))
            return value

        self.model_.train()
        with cholesky(self._low_rank):
            try:
                optimizer.step(loss)
            except NotPSDError:  # the line search went where floating point gives no kernel
                _, best = min(tried, key=lambda trial: trial[0])
                self.model_.load_state_dict(best)
        self.model_.set_train_data(x, y, strict=False)
        self.model_.eval()

    def _kernel(self, x: Tensor, likelihood: GaussianLikelihood) -> Kernel:
        from archcast.predictors.helpers.gp_models import matern

        return matern(x.shape[1])

    def _query_tensors(self, x: Tensor) -> Tensor:
        from gpytorch.settings import skip_posterior_variances

        from archcast.predictors.helpers.gp_models import cholesky

        with cholesky(), skip_posterior_variances():
            scores: Tensor = self.model_(x).mean
        return scores

    def _query_tensors_with_std(self, x: Tensor) -> tuple[Tensor, Tensor]:
        from archcast.predictors.helpers.gp_models import mean_and_deviation

        return mean_and_deviation(self.model_, self.model_.likelihood, x)


class SparseGP(GaussianProcess):
    """Gaussian process seen through inducing points, which move to maximise the evidence.

    They start on a random part of the training data; with as many labels as points, or fewer, on
    all of it. Points are 200 for up to 200 labels; as these grow they are more: 662 for 4,000.
    """

    tags = Tags(probabilistic=True, paper="Titsias, 2009, SGPR", version=4)
    _deciding = sys.maxsize
    _low_rank = True

    def __init__(
        self,
        encoding: str = "auto",
        labels: str = "normal",
        inducing: int | None = None,
        steps: int = 20,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        super().__init__(encoding, labels, steps, device)
        self.inducing = inducing
        self.seed = seed

    def _kernel(self, x: Tensor, likelihood: GaussianLikelihood) -> Kernel:
        from gpytorch.kernels import InducingPointKernel

        from archcast.predictors.helpers.gp_models import matern, some_of

        inducing = sized(self.inducing, 200, 0.4, len(x))
        points = some_of(x, inducing, self._generator())
        return InducingPointKernel(matern(x.shape[1]), points, likelihood)
