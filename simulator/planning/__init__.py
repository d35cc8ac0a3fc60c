"""Plans written before a change, and their review by fixed rules."""
