"""Tools. Authors of tools need the names of this module and nothing else."""

from mamba_adapters.tools.functions import tool
from mamba_domain.errors import ToolFailed
from mamba_domain.tools import ToolContext

__all__ = ["ToolContext", "ToolFailed", "tool"]
