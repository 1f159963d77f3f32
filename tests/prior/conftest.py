"""The programs are run by their test, and not imported."""

collect_ignore = ["programs"]
