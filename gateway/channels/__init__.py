"""Ways to reach a person. A channel takes a `message.Message` and knows nothing of storage."""
