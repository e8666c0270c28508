"""A class: a teacher and students who share a page, votes and a timer; in the memory of one process, without names, cookies or disk."""
