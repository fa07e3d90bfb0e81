"""What a combination of predictors adds: the whole, each part left out, each part alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from archcast.core.errors import InputError
from archcast.evaluation.record import Record
from archcast.predictors.predictor import Predictor
from archcast.predictors.predictor_text import text_of, to_predictor
from archcast.predictors.wrappers.combined import Combined
from archcast.studies.leaderboard import Row, by_setting, leaderboard, split_means

DEFAULT_HEAD = "ngb"


def variants(
    given: Sequence[Predictor | str], head: Predictor | str | None = None
) -> dict[str, Predictor]:
    """From what a variant is to its predictor, for predictors that are to be combined.

    The head is the one that learns, or `DEFAULT_HEAD`; the others become its parts. The whole comes
    first, then the whole without each part, then each alone.

    Raises:
        InputError: more than one that learns, or no part.
    """
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


def ablation(records: Iterable[Record], variants: Mapping[str, Predictor]) -> list[Row]:
    """Leaderboard rows of the variants in their order, each with its lead over the best single.

    `variant` says what a row is. `lead` is the mean difference in Kendall tau, over the splits that
    both have, to the best of what stands alone; it is None for that one itself. `lead_low` and
    `lead_high` bound the lead over whichever truly is the best alone, with 95 % confidence that
    they do so in every row (Hsu, 1984); they are None where two splits are not shared with all that
    stand alone.
    """
    kept = list(records)
    specs = {variant: text_of(predictor) for variant, predictor in variants.items()}
    rows = {row["predictor"]: row for row in leaderboard(kept)}
    groups = {group[0].job.predictor: group for group in by_setting(kept).values()}
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
