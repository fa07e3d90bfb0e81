"""What to run: independent jobs, each with a stable key and stable seeds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from archcast.benchmarks.objective import MeasuredOn, Objective
from archcast.predictors.predictor import Predictor

SCHEMA_VERSION = 3


class BaseJob(BaseModel):
    """Something random on a table, as records tell of it: the unit that is run, kept and resumed.

    What it says of the predictor is for people and is never read back: `predictor` is its text,
    empty where there is none, `name` that without parameters, and `params` are all of these,
    defaults too. `identity` names
    all besides the table that decides the numbers: code and parameters of what runs, and the
    content of images.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    benchmark: str
    dataset: str
    predictor: str
    name: str
    family: str
    params: dict[str, Any] = {}
    identity: str = ""
    objective: Objective
    label: MeasuredOn  # of the objective, which is learned from
    device: str = "cpu"
    seed: int = 0
    repeat: int = Field(ge=0)

    def key(self, table_hash: str) -> str:
        """Names this job's record: equal jobs on equal tables share it, wherever they run."""
        identity = [SCHEMA_VERSION, table_hash, self.model_dump()]
        return _digest(json.dumps(identity, sort_keys=True)).hex()[:20]

    def split_rng(self, table_hash: str) -> np.random.Generator:
        """Draws architectures and runs: the same for all predictors and their settings."""
        entropy = _digest(f"split/{table_hash}/{self.seed}/{self.repeat}")
        return np.random.default_rng(int.from_bytes(entropy, "big"))

    def predictor_seed(self) -> int:
        """Differs between predictors and repeats, and is the same for all train sizes."""
        entropy = _digest(f"predictor/{self.predictor}/{self.seed}/{self.repeat}")
        return int.from_bytes(entropy[:4], "big") >> 1


class PredictorJob(BaseJob):
    """A predictor on one random split of a table."""

    train_size: int = Field(ge=0)  # 0 where the predictor learns from no labels
    test_size: int = Field(gt=1)

    @property
    def title(self) -> str:
        """What failed, where it did."""
        return f"{self.predictor}, {self.train_size} labels"


class Job(PredictorJob):
    """One predictor, fitted once and queried once."""

    epochs: int = Field(ge=0)  # 0 where the predictor sees no learning curves
    truth: MeasuredOn


J = TypeVar("J", bound=BaseJob, covariant=True)


@dataclass(frozen=True, slots=True)
class Planned(Generic[J]):
    """A job, and the unfitted predictor that it is of."""

    job: J
    predictor: Predictor


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
