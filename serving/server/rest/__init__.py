"""The REST interface: HTTP requests with JSON to arrays, and arrays to JSON, as tensorflow_model_server has it."""
