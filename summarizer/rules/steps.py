"""What to look at first, for each kind: at most three steps, none of which a stranger wrote."""

from collections.abc import Mapping
from typing import Final

from summarizer.summary import Kind

STEPS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.MISSING_RELATION: (
        "Check that what builds the table has run in this environment",
        "Check its name, schema and database for a rename",
    ),
    Kind.MISSING_COLUMN: (
        "Compare the columns of the source with those the query names",
        "Look for a recent rename or a changed upstream model",
    ),
    Kind.MISSING_FILE: ("Check that the file or object was delivered", "Check the path and the environment it is built from"),
    Kind.PERMISSION: ("Check what the running user or role is granted", "Look for a rebuilt object whose grants were not repeated"),
    Kind.AUTHENTICATION: ("Check whether the credentials have expired or were rotated", "Check that this environment uses the new ones"),
    Kind.CERTIFICATE: ("Check the certificate's expiry and its chain", "Check the clock and the trusted authorities of the caller"),
    Kind.CONNECTION: ("Check that the other side is up and reachable from the worker", "Check host, port, name resolution and firewall"),
    Kind.TIMEOUT: (
        "Compare its duration with that of earlier runs",
        "Check the load of what it waited for",
        "Retry once if it was a single spike",
    ),
    Kind.UNAVAILABLE: ("Check the status of the service itself", "Look at its own logs around this time"),
    Kind.RATE_LIMIT: ("Let the limit recover before a retry", "Spread or reduce the calls, or ask for a higher limit"),
    Kind.OUT_OF_MEMORY: ("Compare the amount of data with earlier runs", "Give it more memory or process it in smaller parts"),
    Kind.RESOURCE: ("Check what uses the resource up", "Free some of it or raise the limit"),
    Kind.CONFLICT: ("Look for another run that writes to the same tables", "Retry once the other one has ended"),
    Kind.INTERRUPTED: ("Check whether the worker or its machine was stopped or replaced", "Retry the run"),
    Kind.SYNTAX: ("Look at the statement or file named in the line quoted", "Look for a recent change to it"),
    Kind.IMPORT_ERROR: ("Check that the package is installed where the run happens", "Look for a changed image or lock file"),
    Kind.CODE_ERROR: ("Look at the innermost frame of the trace that is your own code", "Compare the input with that of the last good run"),
    Kind.CONFIGURATION: ("Check the setting named in the line quoted, in this environment", "Look for a recent change of the deployment"),
    Kind.FAILING_TEST: ("Look at the failing rows", "Check whether the source data or the expectation has changed"),
    Kind.DATA_QUALITY: ("Look at the value or key that was refused", "Check what the source delivered since the last good run"),
    Kind.STALE_DATA: ("Check that what delivers the data has run", "Check when it last succeeded"),
    Kind.SCHEMA_CHANGE: ("Compare the columns with the contract or the last good run", "Ask the owner of the source about the change"),
    Kind.UPSTREAM: ("Look at the failure it depends on first",),
    Kind.UNKNOWN: (),
}
