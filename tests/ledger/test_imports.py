"""Files of leads and engagements, honest and hostile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from nurture.ledger import schema
from nurture.ledger import tables as t
from nurture.ledger.engine import Ledger, open_ledger
from nurture.ledger.imports import ImportReport, import_leads
from tests.fixtures_ledger import NOW, counting, make_lead
from tests.ledger.desk import Desk


def test_columns_find_their_fields_and_others_become_attributes(desk: Desk) -> None:
    report = desk.leads(
        "Email,First Name,COUNTRY,timezone,Tags,Employees,Zip,Won,Note,Rate\r\n"
        "Ann@Example.TEST,Ann,DE,Europe/Berlin,a;b,800,01067,TRUE,,1.50\r\n"
    )
    assert report == ImportReport(read=1, imported=1)
    [lead] = desk.all(t.Lead)
    assert (lead.email, lead.email_key) == ("Ann@example.test", "ann@example.test")
    assert (lead.first_name, lead.country, lead.timezone) == ("Ann", "DE", "Europe/Berlin")
    assert lead.attributes == {"Employees": 800, "Zip": "01067", "Won": True, "Rate": 1.5}
    with desk.ledger.begin() as session:
        assert sorted(session.execute(select(t.LeadTag.tag)).scalars()) == ["a", "b"]
        assert session.execute(select(t.Touch.lead_id)).scalars().all() == [lead.id]


def test_repeating_changes_nothing_and_a_change_is_told(desk: Desk) -> None:
    desk.leads("email,company,size\na@example.test,Acme,5\nb@example.test,Beta,6\n")
    again = desk.leads("email,company,size\na@example.test,Acme,5\nb@example.test,Bold,\n")
    assert (again.imported, again.updated, again.unchanged) == (0, 1, 1)
    assert [lead.attributes for lead in desk.all(t.Lead)] == [{"size": 5}, {"size": 6}]
    [change] = desk.all(t.Change)
    assert (change.field, change.old, change.new) == ("company", "Beta", "Bold")
    assert change.reason == "import leads.csv"
    assert len(desk.all(t.Touch)) == 3


def test_maps_and_templates_make_addresses_from_ids(desk: Desk) -> None:
    mapping = {"external_id": "Prospect ID", "email": "{id}@example.test", "grade": "Lead Grade"}
    report = desk.leads("prospect id,Lead Grade\nx1,A\n,B\n", mapping=mapping)
    assert (report.imported, report.rejected) == (1, 1)
    [lead] = desk.all(t.Lead)
    assert (lead.email, lead.external_id) == ("x1@example.test", "x1")
    assert lead.attributes == {"grade": "A"}
    other = desk.leads("mql_id\nq7\n", mapping={"email": "{mql_id}@example.test"})
    assert other.imported == 1


def test_declared_attributes_are_converted_or_the_row_rejected(desk: Desk) -> None:
    types = {"size": "number", "vip": "yes_no", "since": "date", "code": "text"}
    report = desk.leads(
        "email,size,vip,since,code\n"
        "a@example.test,1e3,Yes,2026-03-02,007\n"
        "b@example.test,many,,,\nc@example.test,,maybe,,\nd@example.test,,,2.3.26,\n",
        field_types=types,
    )
    [lead] = desk.all(t.Lead)
    assert lead.attributes == {"size": 1000.0, "vip": True, "since": "2026-03-02", "code": "007"}
    assert report.rejected == 3
    reasons = [row["reason"] for row in desk.rejected()]
    assert "size: “many” is not a number" in reasons[0]
    assert "vip: “maybe” is neither yes nor no" in reasons[1]
    assert "since: “2.3.26” is not a date" in reasons[2]


def test_zone_lifecycle_and_identity_conflicts_are_named(desk: Desk) -> None:
    desk.leads("email,external_id\na@example.test,x1\nb@example.test,x2\n")
    report = desk.leads(
        "email,external_id,timezone,lifecycle\n"
        "a@example.test,x2,,\na@example.test,x9,,\n"
        "c@example.test,,Europe/Berlyn,\nd@example.test,,,mqql\n"
    )
    assert report.rejected == 4
    reasons = [row["reason"] for row in desk.rejected()]
    assert "did you mean Europe/Berlin?" in reasons[0]
    assert "did you mean mql?" in reasons[1]
    assert "a@example.test (lead " in reasons[2]
    assert "b@example.test (lead " in reasons[2]
    assert "whose external id is x1, not x9" in reasons[3]


def test_a_new_address_of_a_known_external_id_is_a_change(desk: Desk) -> None:
    desk.leads("email,external_id\nold@example.test,x1\n")
    report = desk.leads("email,external_id\nnew@example.test,x1\nold@example.test,x2\n")
    assert (report.updated, report.imported) == (1, 1)
    assert {(x.email, x.external_id) for x in desk.all(t.Lead)} == {
        ("new@example.test", "x1"),
        ("old@example.test", "x2"),
    }


def test_an_address_may_change_hands_within_one_file(desk: Desk) -> None:
    desk.leads("external_id,email\nx1,a@example.test\nx2,b@example.test\n")
    report = desk.leads("external_id,email\nx2,c@example.test\nx1,b@example.test\n")
    assert report.updated == 2
    assert {(x.external_id, x.email_key) for x in desk.all(t.Lead)} == {
        ("x1", "b@example.test"),
        ("x2", "c@example.test"),
    }


def test_json_lines_keep_their_types(desk: Desk) -> None:
    lines = [
        {"email": "a@example.test", "size": 5, "vip": True, "tags": ["x", "y"], "note": None},
        {"email": "b@example.test", "nested": {"a": 1}},
        ["no object"],
    ]
    text = "\n".join([*map(json.dumps, lines), "{broken", '{"email": NaN}'])
    report = desk.leads(text, name="leads.jsonl")
    assert (report.imported, report.rejected) == (1, 4)
    [lead] = desk.all(t.Lead)
    assert lead.attributes == {"size": 5, "vip": True}
    assert [row["line"] for row in desk.rejected()] == ["3", "4", "5", "2"]


def test_parked_engagements_are_adopted_by_the_import(desk: Desk) -> None:
    log = "kind,lead,occurred_at\npage_viewed,a@example.test,2026-03-01T10:00:00Z\n"
    assert desk.events(log).parked == 1
    desk.leads("email\na@example.test\n")
    [engagement] = desk.all(t.Engagement)
    assert engagement.lead_id == desk.all(t.Lead)[0].id


def test_engagements_of_a_file_come_once(desk: Desk) -> None:
    with desk.ledger.begin() as session:
        make_lead(session, "a@example.test", external_id="x1")
    log = (
        "event;email;external_id;when;url\n"
        "click;a@example.test;;2026-03-01T10:00:00+01:00;/pricing\n"
        "click;;x1;2026-03-01 10:00:00;/pricing\n"
        "click;a@example.test;;soon;/\n"
        "click;a@example.test;;2027-03-01T10:00:00Z;/\n"
    )
    mapping = {"kind": "event", "occurred_at": "when"}
    zone = ZoneInfo("Europe/Berlin")
    first = desk.events(log, mapping=mapping, zone=zone)
    assert (first.imported, first.rejected, first.read) == (2, 2, 4)
    second = desk.events(log, mapping=mapping, zone=zone)
    assert (second.imported, second.unchanged) == (0, 2)
    one, two = desk.all(t.Engagement)
    assert one.occurred_at == two.occurred_at
    assert one.properties == {"url": "/pricing"}
    assert "occurred_at lies in the future" in desk.rejected()[1]["reason"]


def test_engagements_in_the_shape_of_the_api(desk: Desk) -> None:
    row = {
        "source": "crm",
        "key": "17",
        "kind": "demo_booked",
        "lead": "id:x1",
        "occurred_at": "2026-03-01T10:00:00Z",
        "size": 3,
    }
    report = desk.events(json.dumps(row) + "\n", name="log.jsonl")
    assert (report.parked, report.rejected) == (1, 0)
    [engagement] = desk.all(t.Engagement)
    assert (engagement.source, engagement.key, engagement.properties) == ("crm", "17", {"size": 3})


def test_properties_come_as_an_object_or_as_columns(desk: Desk) -> None:
    row = {
        "source": "crm", "key": "18", "kind": "page_viewed", "lead": "id:x1",
        "occurred_at": "2026-03-01T10:00:00Z", "properties": {"url": "/pricing"}, "size": 3,
    }  # fmt: skip
    wrong = row | {"key": "19", "properties": "a text"}
    report = desk.events(f"{json.dumps(row)}\n{json.dumps(wrong)}\n", name="log.jsonl")
    assert (report.parked, report.rejected) == (1, 1)
    [engagement] = desk.all(t.Engagement)
    assert engagement.properties == {"url": "/pricing", "size": 3}


def test_progress_is_told_and_statements_do_not_grow_with_rows(desk: Desk) -> None:
    used, told = [], []
    desk.leads("email,tags\nfirst@example.test,x\n")
    for size in (5, 500):
        rows = "".join(f"l{size}-{n}@example.test,x\n" for n in range(size))
        with counting(desk.ledger) as sent:
            desk.leads("email,tags\n" + rows, progress=lambda *done: told.append(done))
        used.append(len(sent))
    assert used[0] == used[1]
    assert told == [(5, 6), (500, 501)]


KILLED = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from nurture.ledger.engine import open_ledger
from nurture.ledger.imports import import_leads
import_leads(open_ledger(sys.argv[1]), Path(sys.argv[2]), mapping={}, field_types={},
    now=datetime(2026, 3, 2, 9, tzinfo=UTC), reject_path=Path(sys.argv[3]),
    progress=lambda done, total: print(done, flush=True))
"""


def test_a_killed_import_is_finished_by_repeating_it(tmp_path: Path) -> None:
    url = str(tmp_path / "killed.sqlite3")
    ledger = open_ledger(url)
    schema.upgrade(ledger)
    desk = Desk(ledger, tmp_path)
    content = "email\n" + "".join(f"l{number}@example.test\n" for number in range(30_000))
    path = desk.file(content)
    command = [sys.executable, "-c", KILLED, url, str(path), str(desk.rejects)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
    with ledger.begin() as session:
        there = session.execute(select(func.count()).select_from(t.Lead)).scalar_one()
    assert 4_000 <= there < 30_000
    assert there % 4_000 == 0, "whole transactions only"
    report = desk.leads(content)
    assert (report.imported, report.unchanged) == (30_000 - there, there)
    ledger.close()


MEASURED = (
    KILLED.replace("print(done, flush=True)", "None")
    + """
import pathlib, resource
status = pathlib.Path("/proc/self/status")  # where there is one: ru_maxrss counts the parent's too
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
if status.exists():
    peak = int(next(l for l in status.read_text().splitlines() if l.startswith("VmHWM")).split()[1])
print(peak // 1024)
"""
)


def test_100_000_leads_fit_into_300_mb(tmp_path: Path) -> None:
    url = str(tmp_path / "many.sqlite3")
    ledger = open_ledger(url)
    schema.upgrade(ledger)
    ledger.close()
    path = tmp_path / "many.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("email,first_name,company,employees,source\n")
        file.writelines(
            f"lead{n}@example.test,Ann,Company {n},{n % 900},web\n" for n in range(100_000)
        )
    command = [sys.executable, "-c", MEASURED, url, str(path), str(tmp_path / "r.csv")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=True)
    assert int(done.stdout) < 300


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "mapping", "imported", "rejected"),
    [
        ("xeducation/leads-first-6000.csv", {"external_id": "Prospect ID"}, 6000, 0),
        ("xeducation/malformed-first-400-lines.csv", {"external_id": "Prospect ID"}, 386, 14),
        (
            "olist/olist_marketing_qualified_leads_dataset.csv",
            {"external_id": "mql_id", "email": "{id}@example.test"},
            8000,
            0,
        ),
    ],
)
def test_real_files(
    ledger: Ledger,
    tmp_path: Path,
    shared_data: Path,
    name: str,
    mapping: dict[str, str],
    imported: int,
    rejected: int,
) -> None:
    for turn in range(2):
        report = import_leads(
            ledger,
            shared_data / "leads" / name,
            mapping=mapping,
            field_types={},
            now=NOW,
            reject_path=tmp_path / "rejects.csv",
        )
        assert report.rejected == rejected
        assert (report.unchanged if turn else report.imported) == imported
    with ledger.begin() as session:
        named = select(func.count()).where(col(t.Lead.external_id).is_not(None))
        assert session.execute(named).scalar_one() == imported
