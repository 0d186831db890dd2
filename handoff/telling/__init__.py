"""How people in sales are told: notices by mail and by channels, and the managers' digest."""
