"""The work, what workers run: custom components, preprocessing_fn, model, run_fn, signatures."""
