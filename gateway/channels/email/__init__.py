"""Mail: one message becomes bytes (`compose`), and bytes reach a server (`smtp`)."""
