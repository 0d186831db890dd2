"""Every error this project raises on purpose.

    NurtureError                 what a person did or meets; the text is shown as it stands
    ├── InputRefused             a value, file or request that changes nothing
    │   ├── AddressRefused       a mail address we will not write to
    │   ├── DefinitionInvalid    YAML or templates with problems (carries them)
    │   └── LinkInvalid          a forged, foreign or damaged link
    ├── NotFound                 no lead, handoff, sequence … of that name
    ├── Conflict                 somebody was faster, or the state does not allow it
    ├── LedgerError              the database cannot be used as it is
    │   └── SchemaOutdated       tables older or newer than this program
    └── RenderFailed             one mail of one lead could not be written

An empty set is never an error.  HTTP codes and exit codes are chosen in `app` alone.
"""


class NurtureError(Exception):
    """Something the person in front of it can understand and act on."""


class InputRefused(NurtureError):
    """The input was refused and nothing was changed."""


class AddressRefused(InputRefused):
    """Not an address we can write to."""


class LinkInvalid(InputRefused):
    """This link is not valid."""


class NotFound(NurtureError):
    """There is nothing of that name."""


class Conflict(NurtureError):
    """It was decided otherwise meanwhile."""


class LedgerError(NurtureError):
    """The ledger cannot be used as it is."""


class SchemaOutdated(LedgerError):
    """The ledger's tables do not fit this program."""


class RenderFailed(NurtureError):
    """A mail could not be written for a lead.

    `line` of the template and `reason` say for its author what the text says with its place.
    """

    def __init__(self, message: str = "", *, line: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.reason = reason or message
