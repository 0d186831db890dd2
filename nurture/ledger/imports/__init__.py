"""Files of leads and engagements into the ledger: streaming, checked row by row, repeatable."""

from nurture.ledger.imports.engagements import import_engagements
from nurture.ledger.imports.leads import import_leads
from nurture.ledger.imports.report import ImportReport

__all__ = ["ImportReport", "import_engagements", "import_leads"]
