"""Every shipped check, of every predictor as it is by default, on every space.

    python -m reproduce.contracts
    python -m reproduce.contracts --predictors gp,ngb

The suite has the same checks of quicker settings. Asked here too: what model-based predictors make
of a thousand labels, and of a whole space. A line each; the exit status is 1 where one failed.
"""

from __future__ import annotations

import argparse
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from archcast.core.spec import split_specs
from archcast.evaluation.network_fields import NETWORK_FIELDS
from archcast.predictors import registry as predictors
from archcast.predictors.predictor import Predictor
from archcast.predictors.predictor_text import to_predictor
from archcast.spaces import registry as spaces
from archcast.testing import check_predictor, toy
from tests.data_spaces import SPACES, VARIED

SECONDS = 30.0  # to learn from a thousand labels, on one thread
MEMORY = 200e6  # bytes, to query a whole space
EVERY_SPACE = {
    **{name: spaces.get(name) for name in spaces if name != "nasbench201"},
    "mixed": SPACES["mixed"],
    "dag": VARIED,
}
OTHERS = toy(50, seed=2)


def a_thousand_labels(predictor: Predictor) -> None:
    """They take seconds, and teach."""
    many = toy(1_050, seed=3)
    start = time.process_time()
    predictor.fit(*many)
    seconds = time.process_time() - start
    assert seconds < SECONDS, f"{seconds:.0f} s"
    scores = predictor.query(OTHERS.architectures, OTHERS.context)
    correlation = np.corrcoef(scores, OTHERS.labels)[0, 1]
    assert correlation > 0.6, f"a correlation of {correlation:.2f}"


def a_whole_space(predictor: Predictor) -> None:
    """It is queried in bounded memory, and the last scores as it does alone."""
    predictor.fit(*toy(60, seed=1))
    everything = list(spaces.get("nasbench201").enumerate())
    tracemalloc.start()
    scores = predictor.query(everything, OTHERS.context)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MEMORY, f"{peak / 1e6:.0f} MB"
    last = predictor.query(everything[-1:], OTHERS.context)
    np.testing.assert_allclose(last, scores[-1:], rtol=1e-4, atol=1e-6)


def asked(name: str, predictor: Predictor) -> Iterator[tuple[str, Callable[[], None]]]:
    """What is asked of a predictor, by name."""
    yield "nasbench201", partial(check_predictor, predictor)
    if NETWORK_FIELDS & predictor.tags.needs or "curves" in predictor.tags.needs:
        return
    for space, found in EVERY_SPACE.items():
        yield space, partial(check_predictor, predictor, found)
    if predictors.entry(name).family == "model-based":
        yield "a thousand labels", partial(a_thousand_labels, predictor)
        yield "a whole space", partial(a_whole_space, predictor)


def main(names: list[str]) -> int:
    failed = 0
    for text in names:
        predictor = to_predictor("column(parameters)" if text == "column" else text)
        for what, ask in asked(text.partition("(")[0], predictor):
            start = time.process_time()
            try:
                ask()
            except Exception as error:
                failed += 1
                print(f"{text}, {what}: FAILED: {' '.join(str(error).split())[:200]}", flush=True)
            else:
                print(f"{text}, {what}: {time.process_time() - start:.1f} s", flush=True)
    print(f"{failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--predictors", default=",".join(name for name in predictors if name != "random")
    )
    options = parser.parse_args()
    with threadpool_limits(1):
        sys.exit(main(split_specs(options.predictors)))
