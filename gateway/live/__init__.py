"""Who is watching, and what each of them is told the moment it changes."""
