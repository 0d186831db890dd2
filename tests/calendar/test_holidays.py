"""Public holidays as days off."""

from __future__ import annotations

from datetime import date

import pytest
from holidays import list_supported_countries

from nurture.calendar.errors import HolidaysUnknown
from nurture.calendar.holidays import days_off

EPIPHANY = date(2026, 1, 6)  # a holiday in Bavaria, not in all of Germany


def test_a_subdivision_adds_its_own_holidays_to_those_of_the_country() -> None:
    country, bavaria = days_off("DE", None, [2026]), days_off("DE", "BY", [2026])
    assert {date(2026, 1, 1), date(2026, 4, 3), date(2026, 12, 25)} <= country < bavaria
    assert EPIPHANY in bavaria - country


def test_own_dates_are_off_as_well_and_only_the_years_asked_for_are_listed() -> None:
    office_party = date(2031, 12, 31)
    off = days_off("FR", None, [2026, 2027], [office_party])
    assert {day.year for day in off} == {2026, 2027, 2031}
    assert days_off(None, None, [2026], [office_party]) == {office_party}
    assert days_off("FR", None, []) == frozenset()


def test_every_country_can_be_asked_for_any_year_without_a_warning() -> None:
    for country in list_supported_countries(include_aliases=False):
        off = days_off(country, None, [2026, 2060])  # a warning is an error here
        assert {day.year for day in off} <= {2026, 2060}
    assert date(2060, 1, 26) in days_off("IN", None, [2060])


@pytest.mark.parametrize(
    ("country", "subdivision", "said"),
    [
        ("de", None, r"country 'de'\. Nearest: DE\."),
        ("Germany", None, r"country 'Germany'\. Nearest: DE\b"),
        ("UK", None, r"country 'UK'\. Nearest: GB\b"),
        ("XX", None, "Use an ISO code of two letters, such as DE"),
        ("DE", "Bayern", "DE has no subdivision 'Bayern'.*It has: .*BY"),
        ("DE", "by", r"Nearest: BY\."),
        ("MC", "X", "It has none: leave it out"),
        (None, "BY", "Name the country it lies in"),
    ],
)
def test_an_unknown_place_is_refused_with_what_is_near(
    country: str | None, subdivision: str | None, said: str
) -> None:
    with pytest.raises(HolidaysUnknown, match=said):
        days_off(country, subdivision, [2026])
