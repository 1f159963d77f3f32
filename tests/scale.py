"""How long property tests go on."""

import os

SCALE = float(os.environ.get("CASCATA_EXAMPLES", "1"))
"""How many times the usual number of examples they try."""
