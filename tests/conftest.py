"""What every test shares: one thread per process and reproducible property tests."""

from __future__ import annotations

import os

# Before torch and NumPy are imported: two test processes already use both cores.
os.environ["OMP_NUM_THREADS"] = "1"

from hypothesis import HealthCheck, settings

# No deadline: the time an example takes says more about the machine than about the code.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")
