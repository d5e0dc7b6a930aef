"""How safely a domain must be reached: what it publishes, what that requires, and whether a peer proved it.

Pure but for `web.py` and the files named `lookup.py`; no SMTP codes. How delivery uses this:

    resolver = DnssecResolver(resolvers, is_ad_trusted=trust_ad)     # at the start, with its `self_test`
    fetcher = HttpsFetcher(WebReader(resolver, context))
    policies = TlsPolicies(resolver, StsPolicies(resolver, fetcher, cache, clock=clock))

    sts = await policies.domain(domain)                              # once a job, only where MX names the hosts
    published = await policies.host(host, port, domain=domain, is_mx_signed=mx.is_secure, sts=sts)
    hop = HopTls(route_level=..., pin=..., published=published)      # a host of the configuration: no domain, no sts
    needed = requirement(needs, hop)                                 # one for each message and host
    if needed.refusal is not None: ...                               # not connected to; `weigh` says what it means
    ...                                                              # keep connections under (host, port, kept_for)
    tls = await start_tls(contexts.proving(needed.proofs), needed.server_name or host)
    proven = prove(needed, peer_chain(tls), now=now)                 # Proven, or a TlsFailure: then nothing is sent
    evidence.verification = f"{proven.words}, {hop.naming}"
    weigh(failure, needed)                                           # REFUSED, UNCERTAIN or MISMATCH: the ladder's row

`needed.wished` (MTA-STS testing) may be tried first, as `proving(needed.proofs | needed.wished)`; where that fails, it
is counted, and a new session without it is opened. A session below `needed.level` is never used; only level NONE may go
on in clear. For TLS-RPT every session, good or failed, is counted by `tls.tlsrpt.count` under `applied_policy`.
"""
