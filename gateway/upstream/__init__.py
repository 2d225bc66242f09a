"""Clients of the senders' own APIs: what a webhook only points at, and runs whose webhooks never came."""
