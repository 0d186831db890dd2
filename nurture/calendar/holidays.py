"""Public holidays as days off."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from datetime import date
from functools import cache

from holidays import country_holidays, list_supported_countries
from holidays.registry import COUNTRIES

from nurture.calendar.errors import HolidaysUnknown
from nurture.calendar.nearest import suggestion


def days_off(
    country: str | None,
    subdivision: str | None,
    years: Iterable[int],
    own_dates: Iterable[date] = (),
) -> frozenset[date]:
    """The public holidays of a place in `years`, and `own_dates` whatever their year.

    `country` is an ISO 3166-1 code of two letters (DE) and `subdivision` a state or region of
    it (BY), both in capitals as the standard writes them; without a country only the own dates
    are off.  Substitute days count as holidays.  An unknown place raises HolidaysUnknown.
    Feasts that follow the moon are known for fewer years than others (in India until 2035); the
    later years have the rest.
    """
    if country is None:
        if subdivision is not None:
            raise HolidaysUnknown(
                f"The subdivision {subdivision!r} has no country. Name the country it lies in."
            )
        return frozenset(own_dates)
    _check_place(country, subdivision)
    return _listed(country, subdivision, set(years)) | frozenset(own_dates)


def _listed(country: str, subdivision: str | None, years: set[int]) -> frozenset[date]:
    if not years:
        return frozenset()
    with warnings.catch_warnings():  # said for every calendar, and nothing anybody can do about
        warnings.filterwarnings("ignore", "Requested Holidays are available only")
        return frozenset(country_holidays(country, subdiv=subdivision, years=years))


def _check_place(country: str, subdivision: str | None) -> None:
    places = list_supported_countries(include_aliases=False)
    if country not in places:
        raise HolidaysUnknown(
            f"No public holidays are known for the country {country!r}."
            f"{suggestion(country, _spellings())} Use an ISO code of two letters, such as DE."
        )
    if subdivision is not None and subdivision not in places[country]:
        parts = sorted(places[country])
        known = f" It has: {', '.join(parts)}." if parts else " It has none: leave it out."
        raise HolidaysUnknown(
            f"{country} has no subdivision {subdivision!r}.{suggestion(subdivision, parts)}{known}"
        )


@cache
def _spellings() -> dict[str, str]:
    """Names and codes people write for a country, each with its code of two letters."""
    known = set(list_supported_countries(include_aliases=False))
    return {
        spelling: codes[1]
        for name, codes in COUNTRIES.items()
        if codes[1] in known
        for spelling in (name, *codes)
    }
