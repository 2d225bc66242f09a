"""JSON for users, admins and applications. Every operation is declared once, with its models; OpenAPI is made from that."""
