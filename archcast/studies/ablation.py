"""What a combination of predictors adds: the whole, each part left out, each part alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from archcast.core.errors import InputError
from archcast.core.spec import format_spec
from archcast.studies import leaderboard
from archcast.studies.experiment import choose_predictor
from archcast.studies.leaderboard import split_means, taus_by_setting

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


def summarise(measured: pd.DataFrame, specs: Mapping[str, str]) -> pd.DataFrame:
    """Leaderboard rows of the variants in their order, each with its lead over the best single.

    `variant` says what a row is. `lead` is the mean difference in Kendall tau, over the splits that
    both have, to the best of what stands alone; it is NaN for that one itself. `lead_low` and
    `lead_high` bound the lead over whichever truly is the best alone, with 95 % confidence that
    they do so in every row (Hsu, 1984); they are NaN where two splits are not shared with all that
    stand alone.
    """
    board = leaderboard.summarise(measured).set_index("predictor", drop=False)
    taus = taus_by_setting(measured)
    order = [setting.predictor for setting in taus]
    means = split_means(taus, list(taus))
    low, high = means.difference_intervals()
    alone = [spec for variant, spec in specs.items() if variant.endswith(" alone")]
    known = board["kendall_tau"].loc[alone].dropna()
    best = str(known.idxmax()) if len(known) else None
    rivals = [order.index(spec) for spec in known.index]

    def lead(spec: str) -> list[float]:
        at = order.index(spec)
        if best is None or spec == best or not means.count[at, order.index(best)]:
            return [np.nan, np.nan, np.nan]
        # The lead over the best is the least of the leads over all.
        bounds = [float(each[at, rivals].min()) for each in (low, high)]
        return [float(means.difference[at, order.index(best)]), *bounds]

    rows = board.loc[list(specs.values())].reset_index(drop=True)
    rows.insert(0, "variant", list(specs))
    leads = [lead(spec) for spec in specs.values()]
    return rows.join(pd.DataFrame(leads, columns=["lead", "lead_low", "lead_high"]))
