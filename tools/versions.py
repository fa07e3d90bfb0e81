"""Write down which source each version of a predictor, proxy, encoding or strategy stands for.

    python tools/versions.py              # after raising the versions of what changed
    python tools/versions.py --unchanged  # where sources changed and numbers did not

Without `--unchanged` a changed source under an old version is refused: results on disk would be
taken for those of the new code.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from archcast.core.identity import VERSIONS, recorded_versions, source_of, stated_version, target_of
from archcast.encodings import registry as encodings
from archcast.evaluation.engine import run_job
from archcast.making.supernet_training import Plan
from archcast.making.trainer import train
from archcast.networks import registry as networks
from archcast.predictors import registry as predictors
from archcast.predictors.baselines import Column
from archcast.search import registry as strategies
from archcast.search.search_job import run_search_job
from archcast.search.stop_rule import StopRule
from archcast.spaces import registry as spaces
from archcast.spaces.choices import ChoicesSpace
from archcast.spaces.dag import DagSpace
from archcast.studies.stopping import run_stop_job
from archcast.zero_cost import registry as proxies
from archcast.zero_cost.combination import Combination, votes


def versioned() -> Iterator[Any]:
    """All whose numbers are kept on disk."""
    registries = (predictors, proxies, encodings, strategies)
    for registry in registries:
        for name in registry:
            if registry.entry(name).target.startswith("archcast."):
                found = registry.get(name)
                if isinstance(found, Combination):
                    yield from (type(found), found.combine)
                else:
                    yield found
    yield from (type(spaces.get(name)) for name in spaces)
    yield from (ChoicesSpace, DagSpace)
    yield from (type(networks.get(name)) for name in networks)
    yield from (votes, train, Plan, StopRule, run_job, run_stop_job, run_search_job)


def current() -> dict[str, list[Any]]:
    """The versions and sources of what is here, by target."""
    found = {}
    for thing in versioned():
        made = thing
        if isinstance(thing, type) and hasattr(thing, "tags"):
            made = thing("parameters") if thing is Column else thing()
        found[target_of(thing)] = [stated_version(made), source_of(thing.__module__)]
    return dict(sorted(found.items()))


def changed(now: dict[str, list[Any]]) -> list[str]:
    """Targets whose source is another than the one that their version stands for."""
    before = recorded_versions()
    return [
        target
        for target, (version, source) in now.items()
        if target in before and version == before[target][0] and source != before[target][1]
    ]


def main(unchanged: bool) -> int:
    now = current()
    if (wrong := changed(now)) and not unchanged:
        print("changed under the same version:", *wrong, sep="\n  ", file=sys.stderr)
        return 1
    lines = [f"{json.dumps(target)}: {json.dumps(made)}" for target, made in now.items()]
    VERSIONS.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{VERSIONS}: {len(now)} versions")
    return 0


if __name__ == "__main__":
    sys.exit(main("--unchanged" in sys.argv[1:]))
