"""A predictor apart from tests, so that processes which run it import nothing else."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from archcast.predictors.baselines import Random
from archcast.predictors.predictor import Context
from archcast.spaces.space import Architecture


class Ends(Random):
    """Ends its process, in one way or another."""

    def __init__(self, how: str = "", seed: int = 0) -> None:
        super().__init__(seed)
        self.how = how

    def _query(self, architectures: Sequence[Architecture], context: Context) -> Any:
        if self.how == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.how == "exit":
            os._exit(0)
        if self.how == "sys.exit":
            sys.exit(0)
        return super()._query(architectures, context)
