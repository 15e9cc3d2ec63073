"""The pipeline under TFX's own command line, `tfx`: what the files of kubeflow/tfx_cli call."""
