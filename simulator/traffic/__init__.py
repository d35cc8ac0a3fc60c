"""How much traffic comes when: a scenario's profile over the day."""
