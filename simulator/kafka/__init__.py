"""Kafka: brokers, topics and consumer groups of the entities, and the tools that look into them."""
