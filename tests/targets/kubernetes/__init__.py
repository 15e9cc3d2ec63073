"""Kubernetes without Kubeflow: what `penstock compile --target kubernetes` writes."""
