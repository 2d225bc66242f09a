"""The only door to SQLAlchemy: tables, the engine, and one module of verbs per noun.

A verb is a plain function whose first argument is a connection inside a transaction; `database.Database` runs verbs
in threads, so nothing here is awaited and everything runs the same on SQLite and PostgreSQL.
"""
