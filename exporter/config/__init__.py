"""From config.yml to frozen settings: the only room that knows YAML and pydantic."""
