"""What a model too small for tools needs instead: examples, notes about the caller, and the clock asked for it.

`infra.engines.llm.limits_of` says which models these are: those without `tools`.
"""
