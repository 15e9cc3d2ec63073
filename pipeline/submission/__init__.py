"""`penstock submit`: a compiled pipeline to Kubeflow Pipelines or Vertex AI."""
