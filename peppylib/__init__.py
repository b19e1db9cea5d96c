"""What node code imports besides its generated `peppygen`. Source: behaviour.md 8.1.

Importing it hands out standard output and error line by line, also where no terminal reads them:
the lines of a node appear in its log as they are printed.
"""

from peppy import VERSION
from peppy.runtime.action_errors import (
    ActionError,
    ActionFeedbackEnded,
    ActionMismatch,
    ActionResultTimeout,
    ActionResultUnreachable,
    ActionTimeout,
    ActionUnreachable,
)
from peppy.runtime.builder import NodeBuilder
from peppy.runtime.core_errors import (
    CoreNodeError,
    CoreNodeTimeout,
    CoreNodeUnreachable,
    DatastoreError,
)
from peppy.runtime.output import line_buffer
from peppy.runtime.qos import QoSProfile
from peppy.runtime.runner import NodeRunner
from peppy.runtime.service_errors import ServiceError, ServiceTimeout, ServiceUnreachable
from peppy.runtime.standalone import StandaloneConfig
from peppy.runtime.token import CancellationToken
from peppylib import datastore, stack
from peppylib.info import info

__all__ = [
    "ActionError",
    "ActionFeedbackEnded",
    "ActionMismatch",
    "ActionResultTimeout",
    "ActionResultUnreachable",
    "ActionTimeout",
    "ActionUnreachable",
    "CancellationToken",
    "CoreNodeError",
    "CoreNodeTimeout",
    "CoreNodeUnreachable",
    "DatastoreError",
    "NodeBuilder",
    "NodeRunner",
    "QoSProfile",
    "ServiceError",
    "ServiceTimeout",
    "ServiceUnreachable",
    "StandaloneConfig",
    "__version__",
    "datastore",
    "info",
    "stack",
]

__version__ = VERSION

line_buffer()
