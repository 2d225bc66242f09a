"""The door: a sender's request is verified, stored and answered. Nothing else happens before the answer."""
