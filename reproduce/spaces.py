"""Random architectures of each space through all that a space and the encodings do.

    python -m reproduce.spaces --architectures 10000

Each is read back from its text, made canonical and reduced, which a second time changes nothing,
mutated, made a graph and encoded, as its canonical form is. Markdown: microseconds an architecture,
of one thread; an encoding that refuses the space has none. A fault ends in a traceback.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from time import process_time

import numpy as np
from threadpoolctl import threadpool_limits

from archcast.core.errors import InputError
from archcast.encodings import registry as encodings
from archcast.spaces import registry as spaces
from archcast.spaces.space import Architecture, Space
from reproduce.page import table

TOGETHER = 500  # architectures, whose graphs and features are in memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architectures", type=int, default=10_000)
    options = parser.parse_args()
    heads = ["space", "drawn", "parse", "canonical", "mutate", "graph", *encodings]
    with threadpool_limits(1):
        rows = [gone_through(spaces.get(name), options.architectures) for name in spaces]
    print(table(heads, rows))


def gone_through(space: Space, most: int) -> list[str]:
    """A row: the space, how many were drawn, and what each step takes."""
    rng = np.random.default_rng(0)
    drawn = space.sample(int(min(most, space.size)), rng)
    taken: list[float | None] = []

    def timed(step: Callable[[], Iterable[Architecture]]) -> list[Architecture]:
        start = process_time()
        found = [*step()]
        taken.append(process_time() - start)
        return found

    texts = [str(each) for each in drawn]
    assert timed(lambda: map(space.parse, texts)) == drawn
    forms = timed(lambda: map(space.canonical, drawn))
    mutants = timed(lambda: (space.mutate(each, rng) for each in drawn))
    for form in (*forms, *mutants):
        assert space.is_valid(form.choices), form
    for form in forms:
        reduced = space.reduced(form)
        assert space.canonical(form) == form, form
        assert space.reduced(reduced) == reduced, form
    parts = [slice(at, at + TOGETHER) for at in range(0, len(drawn), TOGETHER)]
    start = process_time()
    for part in parts:
        graphs = space.graphs(drawn[part])
        assert not np.tril(graphs.adjacency).any(), "edges lead back"
    taken.append(process_time() - start)
    for name in encodings:
        encode, seconds = encodings.get(name), 0.0
        try:
            for part in parts:
                start = process_time()
                rows = encode(drawn[part])
                seconds += process_time() - start
                np.testing.assert_array_equal(rows, encode(forms[part]), f"{name} of {space.name}")
        except InputError:
            taken.append(None)
        else:
            taken.append(seconds)
    shown = ["-" if each is None else f"{1e6 * each / len(drawn):,.0f} us" for each in taken]
    return [f"`{space.name}`", f"{len(drawn):,}", *shown]


if __name__ == "__main__":
    main()
