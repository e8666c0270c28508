"""One file per rule: what it looks for, from which number on, and what it says. A new file is a new rule."""
