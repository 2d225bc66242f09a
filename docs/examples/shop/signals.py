"""A model signal: an import failed, or works again, or is gone."""

from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from shop.models import Import
from shop.notify import tocsin


@receiver(post_save, sender=Import)
def import_saved(instance: Import, **_: Any) -> None:
    about = {"slug": "shop-import-failed", "event_data": {"import": instance.name}}
    failed, number, error = instance.status == "failed", instance.pk, instance.error

    def tell() -> None:
        if failed:
            tocsin().create_notification(
                f"Import {instance.name} failed", error, "error", links={"Open": f"/imports/{number}"}, category="job_failure",
                source_app="shop", source_model="Import", source_id=number, **about,
            )  # fmt: skip
        else:
            tocsin().resolve(f"Import {instance.name} finished", **about)

    if instance.status in ("failed", "finished"):
        # After the commit: a rollback tells nobody, the link leads somewhere, and no row stays locked while the network is waited for.
        # robust: Tocsin being away is logged, and the request that saved goes on. It wants a function: a partial has no name to log.
        transaction.on_commit(tell, robust=True)


@receiver(post_delete, sender=Import)
def import_deleted(instance: Import, **_: Any) -> None:
    number = instance.pk  # which is None when the commit comes

    def forget() -> None:
        tocsin().delete_by_source("shop", "Import", number)

    transaction.on_commit(forget, robust=True)
