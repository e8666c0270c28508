"""The visitor's own model: what batch norm does in it, measured, judged and recorded. Needs PyTorch and NumPy only."""

from __future__ import annotations

from bnviz.inspect.checking import check
from bnviz.inspect.errors import InspectionError
from bnviz.inspect.finding import Finding
from bnviz.inspect.report import Report
from bnviz.inspect.watching import Watcher, watch

__all__ = ["Finding", "InspectionError", "Report", "Watcher", "check", "watch"]
