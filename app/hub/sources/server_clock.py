"""Finds out whether a certificate is refused because the clock of this computer is wrong."""

import ssl
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

from app.errors import ClockWrong, HubError, HubUnreachable

from .request_budget import request_budget
from .transport import Transport

_NOT_YET, _EXPIRED = 9, 10  # OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and ..._HAS_EXPIRED
_FAR_OFF_S = 3600.0
_LOOK_S = 5.0


def clock_failure(error: BaseException, host: str) -> HubError | None:
    """The failure for a certificate that is not valid yet or expired.

    Else None.  Makes no request.
    """
    reason = _refused_date(error)
    if reason == _NOT_YET:  # nobody serves a certificate that is not valid yet
        return ClockWrong(host=host, here=_day(time.time()))
    if reason == _EXPIRED:
        return HubUnreachable(host=host, why="certificate-expired-here", here=_day(time.time()))
    return None


def looked_at_clock(
    error: BaseException, request: httpx2.Request, proxy: str, failure: HubError
) -> HubError:
    """``failure``, or a clearer one with the hub's time if a certificate's date was refused.

    The hub is asked for the time only, without any secret, as it cannot be trusted now.
    """
    reason = _refused_date(error)
    there = _clock_of(request.url, proxy) if reason else None
    if there is None:
        return failure
    host = request.url.host
    if abs(there - time.time()) > _FAR_OFF_S:
        return ClockWrong(host=host, here=_day(time.time()), there=_day(there))
    reasons = {_NOT_YET: "certificate-not-yet-valid", _EXPIRED: "certificate-expired"}
    return HubUnreachable(host=host, why=reasons[reason])


def _refused_date(error: BaseException) -> int:
    """OpenSSL's error number, if a certificate's date is among the causes; else 0."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            code = getattr(cause, "verify_code", 0)
            return code if code in (_NOT_YET, _EXPIRED) else 0
        cause = cause.__cause__ or cause.__context__
    return 0


def _clock_of(url: httpx2.URL, proxy: str) -> float | None:
    """The time of the host in seconds since 1970; None if it does not tell."""
    blind = ssl.create_default_context()
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    transport = Transport(proxy, blind)
    asked = httpx2.Request("HEAD", url.copy_with(path="/", query=None), extensions=_TIMEOUT)
    try:
        with request_budget(seconds=_LOOK_S):
            response = transport.handle_request(asked)
            response.close()
        told = parsedate_to_datetime(response.headers.get("Date", ""))
    except (httpx2.HTTPError, HubError, ValueError, OverflowError):
        return None
    finally:
        transport.close()
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


_TIMEOUT = {"timeout": httpx2.Timeout(_LOOK_S).as_dict()}


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
