"""What a model answers: Predict, Classify, Regress, MultiInference and metadata."""
