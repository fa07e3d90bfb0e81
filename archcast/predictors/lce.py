"""Learning-curve extrapolation: from the first epochs to the accuracy after the last."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from archcast.predictors.helpers.curve_families import FAMILIES, Family, most_probable
from archcast.predictors.helpers.curves import whole
from archcast.predictors.predictor import Context, Predictor, Tags, Vector
from archcast.spaces.space import Architecture

WIDEST = 3.0  # deviations from its usual value that a parameter may go
EARLY = 30.0  # deviation of what the first epoch says, as a fraction; a 32nd after two, and so on
MISFIT = 3.0  # deviations of the noise that a fitted curve is off, in the mean over its epochs
UNKNOWN_STD = 25.0  # percent, of a curve that could not be fitted


class CurveMixture:
    """A weighted sum of curve families with normal noise, and its posterior.

    A state is one vector: the parameters of each family, the weights, and the log of the noise
    after the last epoch. All have a normal prior, cut off at `WIDEST`; the weights sum to about 1.
    """

    def __init__(
        self, families: Sequence[Family], monotone: bool, noise: float, fade: float, horizon: int
    ) -> None:
        self.families, self.monotone = families, monotone
        self.noise, self.fade, self.horizon = noise, fade, horizon
        k = len(families)
        self.ends = np.cumsum([len(family.usual) for family in families])
        usual = [value for family in families for value in family.usual]
        spread = [value for family in families for value in family.spread]
        self.usual = np.array([*usual, *[1.0 / k] * k, np.log(noise)])
        self.spread = np.array([*spread, *[1.0 / (3.0 * k)] * k, 0.5])

    def fading(self, epochs: int) -> Vector:
        """The deviation of the noise at each epoch, in units of that at the horizon."""
        x = np.arange(1, epochs + 1)
        return np.exp(self.fade * (1.0 - x / self.horizon)) + EARLY / self.noise / x**5

    def curve(self, x: Vector, states: Vector) -> Vector:
        """Accuracies (states, epochs) without noise."""
        *thetas, rest = np.split(states, self.ends, axis=1)
        weights = rest[:, :-1].T[..., None]
        return sum(
            (w * f(x, theta) for w, f, theta in zip(weights, self.families, thetas, strict=True)),
            np.zeros(()),
        )

    def errors(self, curve: Vector, y: Vector, states: Vector) -> Vector:
        """Squared distances of curves (states, epochs) from y, in deviations of the noise."""
        noise = self.fading(len(y)) * np.exp(states[:, -1:])
        return np.square((curve - y) / noise)

    def log_posterior(self, states: Vector, y: Vector) -> Vector:
        """Of states (states, dimension) given a curve y (epochs,), up to a constant."""
        z = (states - self.usual) / self.spread
        inside = (np.abs(z) < WIDEST).all(axis=1)
        states = self.usual + self.spread * np.clip(z, -WIDEST, WIDEST)
        curve = self.curve(np.append(np.arange(1.0, len(y) + 1), self.horizon), states)
        seen, end = curve[:, :-1], curve[:, -1]
        inside &= (end <= 1.0) & (end >= seen[:, -1 if self.monotone else 0])
        log_noise, weights = states[:, -1], states[:, self.ends[-1] : -1]
        value: Vector = -0.5 * self.errors(seen, y, states).sum(axis=1) - len(y) * log_noise
        value -= 0.5 * (z**2).sum(axis=1) + 0.5 * ((weights.sum(axis=1) - 1.0) / 0.02) ** 2
        return np.where(inside, value, -np.inf)

    def starts(self, y: Vector) -> Vector:
        """States (curves, dimension) near the mode, for curves y (curves, epochs)."""
        noise = self.noise * self.fading(y.shape[1])
        modes = [most_probable(family, y, noise, WIDEST) for family in self.families]
        return np.hstack([*modes, np.tile(self.usual[self.ends[-1] :], (len(y), 1))])

    def sample(self, start: Vector, y: Vector, steps: int, seed: int) -> tuple[Vector, Vector]:
        """Final accuracies and their noise, of posterior samples; empty where nothing fits."""
        import emcee

        rng = np.random.RandomState(seed)  # emcee takes the legacy state
        walkers = 2 * len(start) + 2
        around = start + 0.3 * self.spread * rng.normal(size=(walkers, len(start)))
        bound = 0.99 * WIDEST * self.spread
        around = np.clip(around, self.usual - bound, self.usual + bound)
        sampler = emcee.EnsembleSampler(
            walkers, len(start), self.log_posterior, args=(y,), vectorize=True
        )
        sampler.random_state = rng.get_state()
        with np.errstate(invalid="ignore"):  # of moves from one impossible state to another
            sampler.run_mcmc(around, steps, skip_initial_state_check=True)
        kept = {"discard": steps // 2, "flat": True}
        states = sampler.get_chain(**kept)[np.isfinite(sampler.get_log_prob(**kept))]
        curve = self.curve(np.append(np.arange(1.0, len(y) + 1), self.horizon), states)
        if len(states) and self.errors(curve[:, :-1], y, states).mean() > MISFIT**2:
            states = states[:0]
        return curve[: len(states), -1], np.exp(states[:, -1])


class Extrapolation(Predictor):
    """Learns from no labels; a score is the mean of what it foretells."""

    def _fit(self, architectures: Sequence[Architecture], labels: Vector, context: Context) -> None:
        pass

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Vector:
        return self._query_with_std(architectures, context)[0]

    @abstractmethod
    def _query_with_std(
        self, architectures: Sequence[Architecture], context: Context
    ) -> tuple[Vector, Vector]: ...


class LearningCurveExtrapolation(Extrapolation):
    """The expected final validation accuracy of a weighted sum of eleven parametric curves.

    Each curve starts at its most probable parameters, and all parameters, weights and the noise are
    then sampled by an affine-invariant ensemble (emcee). A curve that nothing fits scores its last
    value, one of a run that diverged scores 0, and both count in `fallbacks_`. Scores and
    deviations are in percent accuracy.

    Other than in the paper, the priors of the parameters are normal, and the noise fades: towards
    the end of the training, as the learning rate does, and after the first epochs, which say little
    of where a curve ends.

    Args:
        steps: of the sampler; the first half is discarded.
        noise: usual deviation of a validation accuracy after the last epoch, as a fraction.
        fade: log of how much larger the deviation is at the start of the training, apart from what
            the first epochs add to it.
    """

    tags = Tags(
        needs=frozenset({"curves"}),
        curves=frozenset({"valid_accuracy"}),
        learns=False,
        probabilistic=True,
        in_unit=True,
        paper="Domhan et al., 2015, Extrapolation of Learning Curves",
        version=3,
    )
    families: ClassVar[Sequence[str]] = tuple(FAMILIES)
    monotone: ClassVar[bool] = False  # whether accuracy may not fall between now and the end

    def __init__(
        self, steps: int = 40, noise: float = 0.005, fade: float = 4.0, seed: int = 0
    ) -> None:
        self.steps = steps
        self.noise = noise
        self.fade = fade
        self.seed = seed

    def _query_with_std(
        self, architectures: Sequence[Architecture], context: Context
    ) -> tuple[Vector, Vector]:
        assert context.curves is not None
        mixture = CurveMixture(
            [FAMILIES[name] for name in self.families],
            self.monotone, self.noise, self.fade, context.curves.horizon,
        )  # fmt: skip
        y = whole(context, "valid_accuracy") / 100.0
        means, stds = 100.0 * y[:, -1], np.full(len(y), UNKNOWN_STD)
        for i, start in enumerate(mixture.starts(y)):
            ends, noise = mixture.sample(start, y[i], self.steps, self.seed)
            if len(ends) and y[i, -1] > 0.0:  # no accuracy is that of a run that diverged
                means[i] = 100.0 * ends.mean()
                stds[i] = 100.0 * np.sqrt(ends.var() + (noise**2).mean())
            else:
                self.fallbacks_ += 1
        return means, stds


class MonotoneExtrapolation(LearningCurveExtrapolation):
    """As `lce`, of four curve families, and accuracy may not fall from now to the end."""

    tags = Tags(
        needs=frozenset({"curves"}),
        curves=frozenset({"valid_accuracy"}),
        learns=False,
        probabilistic=True,
        in_unit=True,
        paper="Klein et al., 2017, Learning Curve Prediction with Bayesian Neural Networks",
        version=3,
    )
    families = ("mmf", "log-log-linear", "hill3", "log-power")
    monotone = True
