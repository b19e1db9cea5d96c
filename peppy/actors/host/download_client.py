"""HTTP as a caller's environment says, and its failures as sentences; the door of httpx.

The environment is the caller's, not the daemon's, so proxies and certificates are looked up in it
here, by the rules of httpx: its documentation, "Environment Variables".
"""

import ipaddress
import os
import ssl
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final, cast

import httpx

from peppy import VERSION
from peppy.actors.host.ports import HostError
from peppy.schema.addresses import shown

CONNECT_TIME: Final = 15.0
"""Seconds for a connection: beyond that, somebody drops what we send."""


class Failed(Exception):
    """What did not work just now, and may work when it is tried again; says why."""


def client(environment: Mapping[str, str], idle: float) -> httpx.AsyncClient:
    """Return a client that follows nothing by itself, and gives up after `idle` silent seconds.

    Raises `HostError` where the environment names proxies or certificates that cannot be used.
    """
    context = _context(environment)
    return httpx.AsyncClient(
        verify=context,
        trust_env=False,
        mounts=dict(_mounts(environment, context)),
        timeout=httpx.Timeout(idle, connect=min(idle, CONNECT_TIME)),
        follow_redirects=False,
        headers={
            "User-Agent": f"peppy/{VERSION}",
            # What is packed already is sent as it is, and its digest is that of what is sent.
            "Accept-Encoding": "identity",
            "Accept": "*/*",
        },
    )


@cache
def _usual_context() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


def _context(environment: Mapping[str, str]) -> ssl.SSLContext:
    file, directory = environment.get("SSL_CERT_FILE"), environment.get("SSL_CERT_DIR")
    if not file and not directory:
        return _usual_context()
    name = "SSL_CERT_FILE" if file else "SSL_CERT_DIR"
    try:
        if file:
            return ssl.create_default_context(cafile=file)
        return ssl.create_default_context(capath=directory)
    except OSError as error:
        raise HostError(
            f"cannot read the certificates in '{file or directory}': {_words(error)}",
            hint=f"see what '{name}' says in your environment, or unset it",
        ) from error


def _mounts(
    environment: Mapping[str, str], context: ssl.SSLContext
) -> Iterator[tuple[str, httpx.AsyncHTTPTransport | None]]:
    """Yield which addresses go by a proxy, and which do not, as httpx writes patterns."""
    without = [host.strip() for host in _variable(environment, "no_proxy").split(",")]
    if "*" in without:
        return
    for scheme in ("http", "https", "all"):
        address = _variable(environment, f"{scheme}_proxy")
        if address:
            whole = address if "://" in address else f"http://{address}"
            yield f"{scheme}://", _proxy(whole, scheme, context)
    for host in filter(None, without):
        yield _pattern(host), None


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.upper()) or ""


def _proxy(address: str, scheme: str, context: ssl.SSLContext) -> httpx.AsyncHTTPTransport:
    try:
        return httpx.AsyncHTTPTransport(verify=context, proxy=httpx.Proxy(address))
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise HostError(
            f"{shown(address)} is not a proxy that can be used",
            hint=f"write '{scheme}_proxy' in your environment as 'http://HOST:PORT'",
        ) from error


def _pattern(host: str) -> str:
    if "://" in host:
        return host
    try:
        version = ipaddress.ip_network(host, strict=False).version
    except ValueError:
        return f"all://{host}" if host.lower() == "localhost" else f"all://*{host}"
    return f"all://{host}" if version == 4 else f"all://[{host}]"


def failure(error: httpx.HTTPError, idle: float) -> Exception:
    """Return `Failed` for what may pass, and otherwise `HostError`: why nothing comes."""
    match error:
        case httpx.ConnectTimeout():
            return Failed("nobody answers")
        case httpx.TimeoutException():
            return Failed(f"nothing has come for {idle:g} s")
        case httpx.ProxyError():
            return HostError(f"the proxy refuses: {error}")
        case httpx.RemoteProtocolError() if "without sending complete" in str(error):
            return Failed("the connection ended too early")
        case httpx.RemoteProtocolError() if "without sending a response" in str(error):
            return Failed("the connection ended without an answer")
        case httpx.RemoteProtocolError():
            return Failed("what answers does not speak HTTP")
        case httpx.NetworkError():
            cause = _cause(error)
            if isinstance(cause, ssl.SSLCertVerificationError):
                why = cause.verify_message or "it cannot be verified"
                return HostError(f"the server's certificate is not accepted: {why}")
            return Failed(_words(cause) if cause else "the network fails")
        case _:
            return HostError(f"the address cannot be asked ({type(error).__name__})")


def _cause(error: BaseException) -> OSError | None:
    """Return the system's error that is at the root of another."""
    found: OSError | None = None
    following: BaseException | None = error
    while following is not None:
        if isinstance(following, ExceptionGroup):
            following = cast("ExceptionGroup[Exception]", following).exceptions[0]
        if isinstance(following, OSError) and (following.strerror or found is None):
            found = following
        following = following.__cause__ or following.__context__
    return found


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        why = error.reason or "no secure connection comes about"
        return why.lower().replace("_", " ")
    # Where a library has put its own words in front, the number still says what it is.
    number = error.errno or 0
    why = os.strerror(number) if number > 0 else error.strerror or str(error)
    return f"{why[:1].lower()}{why[1:]}"
