# Copyright 2026 the litemed authors
# SPDX-License-Identifier: Apache-2.0
"""Splits by group."""

from __future__ import annotations

import random

import pytest
from litemed.datasets.splits import split_cases

CASES = [
    {"case": f"{patient:02d}{eye}", "image": f"{patient}{eye}.png", "label": "m.png"}
    for patient in range(10)
    for eye in "LR"
]


def patient(case: dict[str, str]) -> str:
    return case["case"][:2]


@pytest.mark.parametrize(
    ("fractions", "groups"),
    [
        ((0.7, 0.1, 0.2), [7, 1, 2]),
        ((0.5, 0.5), [5, 5]),
        ((0.65, 0.35), [7, 3]),
        ((0.34, 0.33, 0.33), [4, 3, 3]),
        ((1,), [10]),
    ],
)
def test_fractions_of_patients(fractions, groups):
    parts = split_cases(CASES, fractions, group=patient)
    assert [len({patient(case) for case in part}) for part in parts] == groups
    assert [len(part) for part in parts] == [2 * count for count in groups]
    assert sorted(case["case"] for part in parts for case in part) == [case["case"] for case in CASES]


def test_no_patient_in_two_parts():
    training, validation = split_cases(CASES, val_count=3, group=patient)
    assert {patient(case) for case in training}.isdisjoint(patient(case) for case in validation)
    assert len(validation) == 6


def test_cases_are_their_own_groups_by_default():
    training, validation = split_cases(CASES, val_count=3)
    assert (len(training), len(validation)) == (17, 3)


def test_depends_on_seed_and_not_on_order():
    shuffled = random.Random(5).sample(CASES, len(CASES))
    first, again, other = (
        [sorted(case["case"] for case in part) for part in split_cases(cases, val_count=4, seed=seed, group=patient)]
        for cases, seed in ((CASES, 0), (shuffled, 0), (CASES, 1))
    )
    assert first == again
    assert first != other


def test_parts_keep_the_given_order():
    for part in split_cases(CASES, (0.5, 0.5), seed=3):
        assert part == [case for case in CASES if case in part]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "either fractions or val_count"),
        ({"fractions": (0.5, 0.5), "val_count": 1}, "either fractions or val_count"),
        ({"fractions": (0.5, 0.4)}, "add up to 1"),
        ({"fractions": (1.2, -0.2)}, "positive fractions"),
        ({"fractions": ()}, "positive fractions"),
        ({"fractions": (0.98, 0.01, 0.01)}, r"10 groups can't fill the parts: \[10, 0, 0\]"),
        ({"val_count": 0}, r"10 groups can't fill the parts: \[10, 0\]"),
        ({"val_count": 10}, r"10 groups can't fill the parts: \[0, 10\]"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        split_cases(CASES, group=patient, **options)
