"""What a combination of predictors adds: the whole, each part left out, each part alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from archcast.core.errors import InputError
from archcast.core.spec import format_spec
from archcast.evaluation.record import Record
from archcast.studies.experiment import choose_predictor
from archcast.studies.leaderboard import Row, by_setting, leaderboard, split_means

DEFAULT_HEAD = "ngb"


def variants(names: Sequence[str], head: str | None = None) -> dict[str, str]:
    """From what a variant is to its spec, for predictors that are to be combined.

    The head is the one that learns, or `DEFAULT_HEAD`; the others become its parts. The whole comes
    first, then the whole without each part, then each alone.

    Raises:
        InputError: more than one that learns, or no part.
    """
    given = [*([head] if head else []), *names]
    choices = {spec: choose_predictor(spec) for spec in given}
    learning = [spec for spec, choice in choices.items() if choice.tags.learns]
    parts = [spec for spec in choices if spec not in learning]
    if len(learning) > 1:
        raise InputError(
            f"{' and '.join(learning)} both learn; combine one of them with others that do not"
        )
    if not parts:
        raise InputError("give predictors that do not learn, such as jacov and sotl-e, to combine")
    head = learning[0] if learning else DEFAULT_HEAD

    def combined(some: Sequence[str]) -> str:
        return format_spec("combine", {"head": head, "parts": "+".join(some)})

    found = {"all": combined(parts)}
    if len(parts) > 1:
        for part in parts:
            found[f"without {part}"] = combined([other for other in parts if other != part])
    return found | {f"{head} alone": head} | {f"{part} alone": part for part in parts}


def ablation(records: Iterable[Record], specs: dict[str, str]) -> list[Row]:
    """Leaderboard rows of the variants in their order, each with its lead over the best single.

    `variant` says what a row is. `lead` is the mean difference in Kendall tau, over the splits that
    both have, to the best of what stands alone; it is None for that one itself. `lead_low` and
    `lead_high` bound the lead over whichever truly is the best alone, with 95 % confidence that
    they do so in every row (Hsu, 1984); they are None where two splits are not shared with all that
    stand alone.
    """
    kept = list(records)
    rows = {row["predictor"]: row for row in leaderboard(kept)}
    groups = {group[0].job.spec: group for group in by_setting(kept).values()}
    order = list(groups)
    means = split_means(list(groups.values()))
    low, high = means.difference_intervals()
    known = [
        spec
        for variant, spec in specs.items()
        if variant.endswith(" alone") and rows[spec]["kendall_tau"] is not None
    ]
    best = max(known, key=lambda spec: rows[spec]["kendall_tau"], default=None)
    alone = [order.index(spec) for spec in known]

    def lead(spec: str) -> Row:
        at = order.index(spec)
        if best is None or spec == best or not means.count[at, order.index(best)]:
            return {"lead": None, "lead_low": None, "lead_high": None}
        # The lead over the best is the least of the leads over all.
        bounds = low[at, alone].min(), high[at, alone].min()
        found = [None if np.isnan(bound) else float(bound) for bound in bounds]
        lead = float(means.difference[at, order.index(best)])
        return {"lead": lead, "lead_low": found[0], "lead_high": found[1]}

    return [{"variant": name, **rows[spec], **lead(spec)} for name, spec in specs.items()]
