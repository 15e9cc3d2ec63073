"""Messages of TensorFlow Serving's configuration that its Python package lacks; `make protos` writes the modules."""
