"""Every speed the design names, as ratios measured side by side in one run."""
