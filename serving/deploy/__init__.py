"""The real TensorFlow Serving in production, from the pipeline's YAML: compose, Kubernetes, KServe."""
