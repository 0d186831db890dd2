"""The ways to a CRM: HubSpot and Salesforce by their own APIs, any other system by a webhook."""
