"""Pictures: Result → `Chart` (Plotly) or `Scene` (played on a canvas). Nothing is computed here."""
