"""Access tokens (RFC 6749): asked for, kept until shortly before they end, and asked for anew when refused.

``logins`` gives what to log in with, ``source`` keeps tokens, ``microsoft`` and ``google`` ask for them, ``expiry``
knows when what they are asked for with ends. Words of an authority are never repeated: they carry names of tenants,
users and requests. Only its numbered reasons are told.
"""
