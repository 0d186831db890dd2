"""One builder a step kind: each moves the whole working set on, in a fixed number of statements."""

from collections.abc import Callable
from typing import Any

from nurture.language.compiled import program
from nurture.ledger.tally import Tally
from nurture.sequences.steps.choices import branch, gate, wait_for
from nurture.sequences.steps.effects import score, update_lead
from nurture.sequences.steps.moves import end, enter_stage, goto, hand_off, start, stop
from nurture.sequences.steps.outside import notify, webhook
from nurture.sequences.steps.splits import split
from nurture.sequences.steps.until import wait_until
from nurture.sequences.steps.waits import send, wait
from nurture.sequences.visit import Visit

BUILDERS: dict[type[program.Step], Callable[[Visit, Any], Tally]] = {
    program.EnterStage: enter_stage,
    program.Gate: gate,
    program.Send: send,
    program.Wait: wait,
    program.WaitUntil: wait_until,
    program.WaitFor: wait_for,
    program.Branch: branch,
    program.Split: split,
    program.Update: update_lead,
    program.Score: score,
    program.Start: start,
    program.Stop: stop,
    program.Goto: goto,
    program.Webhook: webhook,
    program.Notify: notify,
    program.HandOff: hand_off,
    program.End: end,
}
