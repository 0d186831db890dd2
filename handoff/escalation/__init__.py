"""What happens when nobody acts in time, or whoever should is gone."""
