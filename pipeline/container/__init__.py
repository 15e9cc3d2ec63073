"""What a step of a compiled DAG runs in its container: `python -m pipeline.container`.

Kubeflow Pipelines' launcher and Vertex AI start it with the arguments that TFX's KubeflowV2DagRunner emits. TFX's own
entry point (tfx.orchestration.kubeflow.v2.container) cannot run under Kubeflow's launcher: it knows neither artifacts
without a type, nor minio:// addresses, nor outputs that the component did not declare.
"""
