"""DNS that steers clients between data centres: weights, TTL, health checks. Where clients really are is the plane's."""
