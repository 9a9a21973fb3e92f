"""stubgen: the compiler of the AOS interface language."""
