"""How people and machines reach the engine: command line, web, scheduler, settings, wiring.

Only here are there a wall clock and an environment; what is done with them is below.
"""
