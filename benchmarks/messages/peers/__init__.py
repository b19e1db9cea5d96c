"""Other middlewares, driven as their users drive them; from an environment of their own.

The programs import nothing but the standard library, `answering`, and the peer. `environment`
makes the environment and says how each pair is started.
"""
