"""Supernets that are trained together with a policy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from archcast.making.policies import POLICIES
from archcast.making.policy_training import PolicyPlan, Searched, _PolicyTraining, searched
from archcast.testing.toys import BLUEPRINT, TASK


def search(plan: PolicyPlan, folder: Path) -> Searched:
    return searched(plan, BLUEPRINT, TASK, "cpu", folder)


@pytest.mark.parametrize("name", POLICIES)
def test_an_interrupted_search_goes_on_as_if_it_had_not_been(tmp_path: Path, name: str) -> None:
    plan = PolicyPlan(name, 4)
    whole = search(plan, tmp_path / "whole")
    broken = _PolicyTraining(plan, BLUEPRINT, TASK, "cpu", tmp_path / "broken")
    epochs = broken.epochs()
    next(epochs), next(epochs)
    broken._save()
    epochs.close()
    again = search(plan, tmp_path / "broken")
    assert again.liked == whole.liked
    assert again.probabilities == whole.probabilities
    assert len(whole.liked) == (0 if name in ("uniform", "novelty") else 4)
    for one, two in ((whole.supernet, again.supernet), (whole.policy, again.policy)):
        for key, value in one.state_dict().items():
            if key == "_extra_state":
                assert two.state_dict()[key] == value
                assert len(value) > 0
            else:
                torch.testing.assert_close(two.state_dict()[key], value, rtol=0, atol=0)
    kept = search(plan, tmp_path / "broken")
    assert kept.seconds == again.seconds, "it is not trained again"


def test_halves_are_apart_and_all_that_there_is(tmp_path: Path) -> None:
    training = _PolicyTraining(PolicyPlan("darts", 1), BLUEPRINT, TASK, "cpu", tmp_path)
    training._start(resumed=False)
    assert not set(training.own) & set(training.others)
    assert len({*training.own, *training.others}) == TASK.size("train")
    assert abs(len(training.own) - len(training.others)) <= 1


def test_seeds_differ_and_weights_move(tmp_path: Path) -> None:
    one, other = (search(PolicyPlan("gdas", 2, seed), tmp_path) for seed in (0, 1))
    values = [torch.cat([p.flatten() for p in s.supernet.parameters()]) for s in (one, other)]
    assert not torch.equal(*values)
    assert not np.array_equal(*(s.policy.logits.detach() for s in (one, other)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", POLICIES)
def test_policies_learn_on_cuda(tmp_path: Path, name: str) -> None:
    found = searched(PolicyPlan(name, 2), BLUEPRINT, TASK, "cuda", tmp_path)
    assert next(found.supernet.parameters()).is_cuda
    assert found.policy.candidates(np.random.default_rng(0)).ndim == 2
