"""Released versions of interfaces: their text, their hash, and what a newer version may change."""
