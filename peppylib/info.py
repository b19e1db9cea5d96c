"""What node code may know of its daemon. Source: behaviour.md 8.9.

`peppylib.info` is the function in here; types come from `peppylib.info` as from any module.
"""

from peppy.runtime.core_info import ContainerInfo, InfoResponse, info

__all__ = ["ContainerInfo", "InfoResponse", "info"]
