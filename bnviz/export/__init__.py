"""What a visitor takes home: script, notebook, CSV."""
