"""What a combination of predictors adds: the whole, each part left out, each part alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from archcast.core.errors import InputError
from archcast.predictors.predictor import Predictor
from archcast.predictors.predictor_text import text_of, to_predictor
from archcast.predictors.wrappers.combined import Combined
from archcast.studies import leaderboard
from archcast.studies.leaderboard import split_means, taus_by_setting

DEFAULT_HEAD = "ngb"


def variants(
    given: Sequence[Predictor | str], head: Predictor | str | None = None
) -> dict[str, Predictor]:
    """From what a variant is to its predictor, for predictors that are to be combined.

    The head is the one that learns, or `DEFAULT_HEAD`; the others become its parts. The whole comes
    first, then the whole without each part, then each alone.

    Raises:
        InputError: more than one that learns, a head that does not, or no part.
    """
    if head and not to_predictor(head).tags.learns:
        raise InputError(f"--head {text_of(to_predictor(head))}: learns from no labels; give xgb")
    chosen = [to_predictor(each) for each in ([head] if head else []) + [*given]]
    named = {text_of(each): each for each in chosen}
    learning = [text for text, each in named.items() if each.tags.learns]
    parts = {text: each for text, each in named.items() if text not in learning}
    if len(learning) > 1:
        raise InputError(
            f"{' and '.join(learning)} both learn; combine one of them with others that do not"
        )
    if not parts:
        raise InputError("give predictors that do not learn, such as jacov and sotl-e, to combine")
    learner = named[learning[0]] if learning else to_predictor(DEFAULT_HEAD)
    found: dict[str, Predictor] = {"all": Combined(learner, list(parts.values()))}
    if len(parts) > 1:
        for text in parts:
            others = [each for other, each in parts.items() if other != text]
            found[f"without {text}"] = Combined(learner, others)
    alone = {text_of(learner): learner, **parts}
    return found | {f"{text} alone": each for text, each in alone.items()}


def summarise(measured: pd.DataFrame, variants: Mapping[str, Predictor]) -> pd.DataFrame:
    """Leaderboard rows of the variants in their order, each with its lead over the best single.

    `variant` says what a row is. `lead` is the mean difference in Kendall tau, over the splits that
    both have, to the best of what stands alone; it is NaN for that one itself. `lead_low` and
    `lead_high` bound the lead over whichever truly is the best alone, with 95 % confidence that
    they do so in every row (Hsu, 1984); they are NaN where two splits are not shared with all that
    stand alone.
    """
    specs = {variant: text_of(predictor) for variant, predictor in variants.items()}
    board = leaderboard.summarise(measured).set_index("predictor", drop=False)
    taus = taus_by_setting(measured)
    order = [str(setting.predictor) for setting in taus]
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
