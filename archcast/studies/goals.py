"""What a search is after, as a user asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from archcast.benchmarks.table import Table
from archcast.core.errors import InputError
from archcast.evaluation.engine import label_seconds
from archcast.search.goal import Goal, Limit, limits_text
from archcast.search.simulation import told


def chosen_goal(
    table: Table,
    objective: str | None,
    objectives: Sequence[str] | None,
    limits: Mapping[str, float] | None,
    live: bool = False,
) -> Goal:
    """One objective (None: the table's main one), or several in place of one, within limits.

    A `live` search may find what keeps all limits beyond the table.

    Raises:
        InputError: an objective that the table lacks, or knows of some architectures only; a limit
            that nothing in the table keeps.
    """
    if objectives is not None and (objective or len({*objectives}) < max(2, len(objectives))):
        raise InputError(
            f"--objectives {','.join(objectives)}: give two different ones or more, or one by"
            " --objective"
        )
    names = [objective] if objectives is None else objectives
    sought = tuple(table.objective(each) for each in names)
    limited = [Limit(table.objective(name), value) for name, value in (limits or {}).items()]
    goal = Goal(sought, tuple(limited))
    if goal.is_single:
        return goal
    known = np.isfinite(told(table, goal, "valid") + told(table, goal, "test")).all(axis=1)
    if lacking := int((~np.maximum.reduceat(known, table.starts[:-1])).sum()):
        raise InputError(
            f"{table.source} knows {', '.join(each.name for each in goal.quantities)} of no single"
            f" run of {lacking} architectures; choose other --objectives or --limit"
        )
    values = [
        each.signed(table.mean_over_runs(table.values(each, each.truth)))
        for each in goal.quantities
    ]
    for limit in limited:
        signed = limit.objective.signed
        best = np.nanmax(values[goal.quantities.index(limit.objective)])
        if not signed(limit.value) <= best:
            texts = (f"{signed(best):.{digits}g}" for digits in range(4, 18))
            enough = next(text for text in texts if signed(float(text)) <= best)
            raise InputError(
                f"--limit {limits_text([limit])}: nothing in {table.source} keeps it; the best"
                f" there is {enough} {limit.objective.unit}".rstrip()
            )
    if not live and not (goal.violations(np.column_stack(values)) == 0).any():
        raise InputError(
            f"--limit {limits_text(limited)}: nothing in {table.source} keeps all of these; loosen"
            " one"
        )
    return goal


def unpriced(table: Table, goal: Goal) -> list[str]:
    """A remark on each quantity whose measuring has no price in the table beside training."""
    every, run = np.arange(len(table)), table.starts[:-1]
    others = [each for each in goal.quantities if each != goal.dearest and not each.needs_training]
    return [
        f"{table.source} does not say what measuring {each.name} takes: it is charged nothing"
        for each in others
        if label_seconds(table, each, every, run) is None
    ]
