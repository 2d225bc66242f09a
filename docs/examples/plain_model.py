"""A model signal without Django: SQLAlchemy says what was written, and when it was committed."""

from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from gateway.client import Tocsin


class Base(DeclarativeBase):
    pass


class Import(Base):
    __tablename__ = "imports"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    status: Mapped[str]


def tell_of_imports(session: Session, tocsin: Tocsin) -> None:
    """From now on Tocsin hears what this session commits."""
    changed: dict[str, str] = {}

    @event.listens_for(session, "after_flush")
    def written(session: Session, _: Any) -> None:
        changed.update({row.name: row.status for row in {*session.new, *session.dirty} if isinstance(row, Import)})

    @event.listens_for(session, "after_rollback")
    def undone(_: Session) -> None:
        changed.clear()

    @event.listens_for(session, "after_commit")  # not before: what is rolled back never happened
    def committed(_: Session) -> None:
        for name, status in changed.items():
            if status == "failed":
                tocsin.create_notification(f"Import {name} failed", level="error", slug="shop-import-failed", event_data={"import": name})
            elif status == "finished":
                tocsin.resolve(f"Import {name} finished", slug="shop-import-failed", event_data={"import": name})
        changed.clear()
