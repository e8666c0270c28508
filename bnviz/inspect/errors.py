"""Why an inspection cannot begin, in one sentence each."""

from __future__ import annotations

from bnviz.errors import BnvizError


class InspectionError(BnvizError):
    """The model, its inputs, the path or the file cannot be looked at."""
