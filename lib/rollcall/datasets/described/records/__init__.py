"""Pictures and recordings that an owner's table names: found, looked at, and opened as inputs."""
