"""Business time: zones, opening hours, holidays, deadlines.  Pure: no database, no clock.

    zones     names of time zones, their offsets, wall time -> instant
    hours     `Calendar`: weekly hours less days off, and how people write them
    openings  a calendar in a zone as disjoint UTC intervals
    business  adding and measuring open time
    holidays  public holidays of a country as days off

Instants go in aware and come out in UTC.  docs/business-time.md says the same for users.
"""
