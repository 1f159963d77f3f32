"""The command `cascata`, as `python -m cascata`."""

from cascata.cli import main

if __name__ == "__main__":
    main()
