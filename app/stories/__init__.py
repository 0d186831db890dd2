"""`nurture test`: the stories of sequences, played in memory through the passes of the engine.

Playing needs ticks (flows) and a runtime (app), so it stands here; what came of a story and how it
differs from what was expected is `insight.stories`.
"""
