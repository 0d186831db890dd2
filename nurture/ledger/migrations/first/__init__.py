"""The tables of revision 0001, references first (written by `rewrite`)."""

from nurture.ledger.migrations.first import part_1, part_2, part_3, part_4

TABLES = (
    part_1.definition,
    part_1.lead,
    part_1.link,
    part_1.lock,
    part_1.opening,
    part_1.pause,
    part_1.rep,
    part_1.suppression,
    part_1.tick,
    part_2.token,
    part_2.zone_offset,
    part_2.change,
    part_2.consent,
    part_2.enrolment,
    part_2.lead_tag,
    part_2.member,
    part_2.decision,
    part_3.episode,
    part_3.handoff,
    part_3.clock,
    part_3.message,
    part_4.engagement,
    part_4.rung,
    part_4.score_entry,
    part_4.touch,
)
