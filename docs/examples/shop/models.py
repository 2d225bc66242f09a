from django.db import models


class Import(models.Model):
    """One file that a customer sends each night."""

    name = models.CharField(max_length=100)
    owner_email = models.EmailField()
    status = models.CharField(max_length=10, default="running")
    error = models.TextField(default="")
    finished_at = models.DateTimeField(null=True)
