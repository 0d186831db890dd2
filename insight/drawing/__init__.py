"""Pictures of sequences: Mermaid text for reviews, SVG for the eye, PNG for slides.

The graph itself is the language's (`language.compiled.graph`); the counts on it are rows, which
the language never reads, so drawing and counting stand here, beside the other reports.
"""
