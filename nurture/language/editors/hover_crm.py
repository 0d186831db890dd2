"""What editors show beside each key of `crm`."""

from __future__ import annotations

from collections.abc import Mapping

CRM: Mapping[str, Mapping[str, str]] = {
    "CrmModel": {
        "system": "webhook (signed calls both ways), hubspot or salesforce.",
        "url": "Where calls go; of salesforce the instance. Tokens come from the environment.",
        "fields": "What the CRM is told of a lead: our field, and its name there.",
        "owners": "Reps, by name or address, and who they are in the CRM.",
        "stages": "States of a handoff, and the CRM's word for each.",
        "outcomes": "Words of the CRM, and the outcome each means: closedwon: won.",
        "pipeline": "Of HubSpot: the id of the pipeline new deals go into (default).",
        "properties": "Names of fields the CRM's records have for us, where they differ.",
        "pull": "How often the CRM is asked what came of leads: every 5 minutes.",
    },
    "CrmProperties": {
        "lead": "Holds our key of a lead; unique.",
        "handoff": "Holds our key of a handoff; unique.",
        "lookup": "Of Salesforce: leads from the opportunity to the lead.",
        "due": "Holds the deadline, if you name one.",
        "reason": "Read as the reason of what came of it.",
    },
}
