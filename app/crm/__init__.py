"""The ways to a CRM: HubSpot and Salesforce as their documents describe them."""
