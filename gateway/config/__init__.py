"""What an installation is told: its environment variables and `tocsin.toml`, read and checked, nothing applied."""
