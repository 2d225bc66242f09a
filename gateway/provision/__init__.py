"""Making an installation what it is told to be: `tocsin.toml` applied, or a first start set up."""
