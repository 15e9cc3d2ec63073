"""The life of a model's versions: found on disk, loaded, looked up by requests, unloaded.

source      what versions a model's folder holds
policy      which of them are wanted, and what to do next so that something always answers
version     one version's states, and the requests that use it
loading     tries of a load
reconciler  brings what is loaded to what is wanted
lookup      finds the version that a request means; the only part on a request's path
core        all of them together, driven by a configuration
"""
