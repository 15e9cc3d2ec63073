"""What the DAG becomes elsewhere: on Kubeflow Pipelines, Vertex AI, Airflow and plain Kubernetes."""
