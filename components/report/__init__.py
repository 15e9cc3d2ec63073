"""A run's report: one HTML file, and the numbers and curves that Kubeflow's pages show."""
