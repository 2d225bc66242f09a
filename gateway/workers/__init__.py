"""Loops that lease a row, act and record: events into notifications, deliveries into mails."""
