"""${message}"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from gateway.storage.types import Document, Id, Time

revision: Final = ${repr(up_revision)}
down_revision: Final = ${repr(down_revision)}
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
