"""The cases are checked and not run."""

collect_ignore = ["cases"]
