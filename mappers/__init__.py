"""One module (or package) here is one sender: bytes in, drafts out.

A sender's module exports `SOURCE`, a `contract.SourceKind`. It imports the standard library, pydantic and
`mappers.contract`, nothing else, so it can be read, tested and replayed anywhere.
"""
