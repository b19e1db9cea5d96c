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
from peppy.runtime.messenger import MessengerHandle
from peppy.runtime.messenger_actions import ActionMessenger
from peppy.runtime.messenger_services import ServiceMessenger
from peppy.runtime.messenger_topics import TopicMessenger
from peppy.runtime.output import line_buffer
from peppy.runtime.qos import QoSProfile
from peppy.runtime.router import RouterError, ZenohdInstance
from peppy.runtime.runner import NodeRunner
from peppy.runtime.service_errors import ServiceError, ServiceTimeout, ServiceUnreachable
from peppy.runtime.standalone import StandaloneConfig
from peppy.runtime.token import CancellationToken
from peppylib import datastore, encoding, messaging, stack
from peppylib.info import info

__all__ = [
    "ActionError",
    "ActionFeedbackEnded",
    "ActionMessenger",
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
    "MessengerHandle",
    "NodeBuilder",
    "NodeRunner",
    "QoSProfile",
    "RouterError",
    "ServiceError",
    "ServiceMessenger",
    "ServiceTimeout",
    "ServiceUnreachable",
    "StandaloneConfig",
    "TopicMessenger",
    "ZenohdInstance",
    "__version__",
    "datastore",
    "encoding",
    "info",
    "messaging",
    "stack",
]

__version__ = VERSION

line_buffer()
