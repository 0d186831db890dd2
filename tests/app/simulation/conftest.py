"""The starter workspace with a model of its people."""

from tests.app.cli.simulating import starter

__all__ = ["starter"]
