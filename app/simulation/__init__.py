"""`nurture simulate`: a cohort of leads played through the passes of the engine on a virtual clock.

Playing needs ticks (flows) and a runtime (app), so it stands here; what came of it is counted by
`insight.outlook`.
"""
