"""The pages for a browser: all targets, and each target with its connections and certificates."""
