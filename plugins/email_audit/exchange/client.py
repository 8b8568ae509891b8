"""The one module that talks to Exchange, through exchangelib's sessions, authentication and errors.

exchangelib's own item and folder objects are not used: they keep the fields they know, hold every
message several times in memory, and read responses byte by byte. What is used of it is what is
hard: SOAP envelopes with impersonation, authentication, version negotiation, named errors
(docs/decisions/0010).
"""

import logging
import random
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, BinaryIO

import requests
from exchangelib import IMPERSONATION, Account, Build, Configuration, Credentials, Version
from exchangelib.credentials import OAuth2Credentials
from exchangelib.errors import (
    CASError,
    ErrorConnectionFailed,
    ErrorConnectionFailedTransientError,
    ErrorExceededConnectionCount,
    ErrorInternalServerTransientError,
    ErrorInvalidSyncStateData,
    ErrorMailboxMoveInProgress,
    ErrorMailboxStoreUnavailable,
    ErrorServerBusy,
    ErrorTimeoutExpired,
    ErrorTooManyObjectsOpened,
    EWSError,
    MalformedResponseError,
    RateLimitError,
    UnauthorizedError,
)
from exchangelib.protocol import BaseProtocol, FaultTolerance, close_connections
from exchangelib.services.common import EWSAccountService
from exchangelib.transport import AUTH_TYPE_MAP, BASIC, GSSAPI, NTLM, OAUTH2
from exchangelib.util import CONNECTION_ERRORS, SOAPNS
from exchangelib.version import EXCHANGE_2013
from lxml import etree
from oauthlib.oauth2 import OAuth2Error, TokenExpiredError

from email_audit.errors import RunError, UserError
from email_audit.exchange import answers, operations
from email_audit.exchange.records import (
    ChangePage,
    Folder,
    FolderId,
    FolderTree,
    InvalidSyncStateError,
    ItemId,
    LiveItem,
    LoginRefusedError,
    Period,
    RefusedItem,
)
from email_audit.exchange.settings import AuthType, ExchangeSettings
from email_audit.exchange.soap import GarbledResponseError, read_response

log = logging.getLogger(__name__)

# exchangelib logs request headers (with the password) and whole messages at level DEBUG, and
# requests with their addresses as errors. What matters is raised, and logged here.
logging.getLogger("exchangelib").setLevel(logging.CRITICAL)

_BLOCK_BYTES = 1 << 16
_REFUSED_LOGINS = 2
_JITTER = 0.25
_AUTH_TYPES = {
    AuthType.BASIC: BASIC,
    AuthType.NTLM: NTLM,
    AuthType.KERBEROS: GSSAPI,
    AuthType.OAUTH: OAUTH2,
}
_TRANSIENT = (
    ErrorConnectionFailed,
    ErrorConnectionFailedTransientError,
    ErrorExceededConnectionCount,
    ErrorInternalServerTransientError,
    ErrorMailboxMoveInProgress,
    ErrorMailboxStoreUnavailable,
    ErrorServerBusy,
    ErrorTimeoutExpired,
    ErrorTooManyObjectsOpened,
)
_TRANSIENT_CODES = frozenset(error.__name__ for error in _TRANSIENT)
_NO_SUCH_FOLDER = frozenset({"ErrorFolderNotFound", "ErrorItemNotFound"})
_ROOTS = (
    ("msgfolderroot", ()),
    ("recoverableitemsroot", ("Recoverable Items",)),
    ("archivemsgfolderroot", ("Archive mailbox",)),
    ("archiverecoverableitemsroot", ("Archive mailbox", "Recoverable Items")),
)
"""Everything of a mailbox that users and Outlook can put items into, and what people call it."""


class Patience(FaultTolerance):  # type: ignore[misc]
    """When to try again: never after a refused login, else for as long as the server asks.

    exchangelib takes a 401 for throttling and tries again, with a wrong password until the account
    is locked. Here the first answer decides: a login is refused at once until one has worked, and
    after that two in a row are enough, for instance when a password expires during a run.
    """

    def __init__(self, max_wait_s: float, rng: random.Random) -> None:
        super().__init__(max_wait=max_wait_s)
        self._rng = rng
        self._has_logged_in = False
        self._refusals = 0

    def back_off(self, seconds: float | None) -> None:
        """Wait for what the server asks plus up to a quarter, so that clients do not return as one.

        Raises:
            RateLimitError: where that is longer than the longest wait allowed.
        """
        wait = self.DEFAULT_BACKOFF if seconds is None else seconds
        if wait > self.max_wait:
            raise RateLimitError("the server asks for a longer wait than allowed", wait=wait)
        super().back_off(min(self.max_wait, wait * (1 + _JITTER * self._rng.random())))

    def raise_response_errors(self, response: requests.Response) -> None:
        """Raise what an HTTP status means."""
        status = response.status_code
        if status == HTTPStatus.UNAUTHORIZED:
            self._refusals += 1
            if not self._has_logged_in or self._refusals >= _REFUSED_LOGINS:
                raise UnauthorizedError("login refused")
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise ErrorServerBusy("HTTP 429", back_off=_retry_after_s(response))
        try:
            super().raise_response_errors(response)
        except MalformedResponseError as error:
            # Its text repeats the whole response.
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise ErrorInternalServerTransientError(f"HTTP {status}") from None
            raise MalformedResponseError(f"HTTP {status}") from error
        self._has_logged_in, self._refusals = True, 0


class _Operation(EWSAccountService):  # type: ignore[misc]
    """One EWS operation, asked and answered once; the response is read as a stream."""

    SERVICE_NAME = ""

    def __init__(self, account: Account, timeout_s: float) -> None:
        super().__init__(account=account, timeout=timeout_s)
        self.streaming = True
        self._contents: list[BinaryIO] = []

    def ask(self, request: etree._Element) -> tuple[list[etree._Element], list[BinaryIO]]:
        """Give the response messages and their MIME contents."""
        try:
            return list(self._get_response_xml(payload=request)), self._contents
        finally:
            self.stop_streaming()

    def _get_soap_parts(self, response: requests.Response) -> tuple[Any, Any]:
        root, self._contents = read_response(response.iter_content(_BLOCK_BYTES))
        body = root.find(f"{{{SOAPNS}}}Body")
        if body is None:
            raise GarbledResponseError("no Body in the response")
        return root.find(f"{{{SOAPNS}}}Header"), body

    def _get_soap_messages(self, body: etree._Element) -> list[etree._Element]:
        response = body.find(self._response_tag())
        if response is None:
            fault = body.find(f"{{{SOAPNS}}}Fault")
            if fault is None:
                raise GarbledResponseError("neither an answer nor a fault in the response")
            self._raise_soap_errors(fault=fault)
        found: list[etree._Element] = response.findall(
            f"{self._response_messages_tag()}/{self._response_message_tag()}"
        )
        if not found:
            raise GarbledResponseError("no messages in the response")
        return found


class Exchange:
    """A server and the service account; mailboxes are opened one after another.

    One at a time in a process: a second one takes the first one's place.
    """

    def __init__(self, settings: ExchangeSettings, rng: random.Random | None = None) -> None:
        """Prepare; nothing is sent yet.

        Raises:
            UserError: where a secret's file or a library for the authentication is missing.
        """
        self.settings = settings
        self._patience = Patience(settings.max_wait_s, rng or random.Random())  # noqa: S311
        self._configuration = Configuration(
            credentials=_credentials(settings),
            service_endpoint=settings.url,
            auth_type=_auth_type(settings),
            version=_version(settings),
            retry_policy=self._patience,
            max_connections=1,
        )
        # exchangelib keeps one protocol for equal credentials, with the retry policy and the
        # certificates of the first; and its adapter is one for all.
        close_connections()
        BaseProtocol.HTTP_ADAPTER_CLS = _adapter(settings)
        BaseProtocol.USERAGENT = "email-audit"
        BaseProtocol.TIMEOUT = settings.timeout_s
        BaseProtocol.RETRY_WAIT = settings.first_wait_s

    def open(self, address: str) -> "Mailbox":
        """Log in and open the mailbox of `address`, acting as its owner (impersonation).

        Raises:
            LoginRefusedError: where the login is refused; it is not tried again.
            RunError: where the server cannot be reached, or refuses this mailbox.
        """
        account = Account(
            address, config=self._configuration, autodiscover=False, access_type=IMPERSONATION
        )
        mailbox = Mailbox(account, self.settings, self._patience)
        mailbox.check()
        return mailbox


class Mailbox:
    """One mailbox, with its archive and its recoverable items. Reads and changes nothing."""

    def __init__(self, account: Account, settings: ExchangeSettings, patience: Patience) -> None:
        self._account = account
        self._settings = settings
        self._patience = patience
        self.address: str = account.primary_smtp_address

    def check(self) -> None:
        """See that the mailbox can be opened.

        Raises:
            RunError: naming what is refused.
        """
        (message,), _ = self._ask("GetFolder", operations.get_folders(["root"], self.address))
        code = answers.code_of(message)
        if code != answers.SUCCESS:
            raise RunError(f"{self.address}: the mailbox cannot be opened: {_meaning(code)}")

    def folders(self) -> FolderTree:
        """List all folders: those of the mailbox, its archive, and the recoverable items of both.

        Search folders and public folders hold no items of their own and are not among them.
        """
        names = [name for name, _ in _ROOTS]
        messages, _ = self._ask("GetFolder", operations.get_folders(names, self.address))
        folders: list[Folder] = []
        refused: list[tuple[str, str]] = []
        for (name, path), message in zip(_ROOTS, messages, strict=True):
            code = answers.code_of(message)
            if code == answers.SUCCESS:
                folders.extend(self._below(next(answers.folder_elements(message)), path))
            elif not name.startswith("archive") or code not in _NO_SUCH_FOLDER:
                refused.append(("/".join(path) or "(top)", code))
        return FolderTree(tuple(folders), tuple(refused))

    def counts(self, folder_ids: Sequence[FolderId]) -> list[int]:
        """Give how many items the server says each folder holds (TotalCount)."""
        messages, _ = self._ask("GetFolder", operations.get_counts(folder_ids))
        return [
            answers.total_count(next(answers.folder_elements(self._good(message))))
            for message in messages
        ]

    def count_in(self, folder_id: FolderId, periods: Sequence[Period]) -> int:
        """Give how many items of a folder the server says lie in `periods`."""
        (message,), _ = self._ask("FindItem", operations.count_items(folder_id, periods))
        return answers.total_in_view(self._good(message))

    def changes(self, folder_id: FolderId, sync_state: str | None) -> ChangePage:
        """Give the next page of changes since a state.

        Raises:
            InvalidSyncStateError: where the server does not know the state any more.
        """
        try:
            (message,), _ = self._ask(
                "SyncFolderItems", operations.sync_items(folder_id, sync_state)
            )
        except ErrorInvalidSyncStateData as error:
            raise InvalidSyncStateError from error
        if answers.code_of(message) == ErrorInvalidSyncStateData.__name__:
            raise InvalidSyncStateError
        return answers.change_page(self._good(message))

    def items(
        self, item_ids: Sequence[ItemId], *, with_mime: bool = True
    ) -> Iterator[LiveItem | RefusedItem]:
        """Yield items in the order asked for."""
        knows_2013 = self._account.version.build >= EXCHANGE_2013
        request = operations.get_items(item_ids, with_mime=with_mime, knows_2013=knows_2013)
        messages, contents = self._ask("GetItem", request)
        yield from answers.live_items(messages, item_ids, contents)

    def _below(self, root: etree._Element, path: tuple[str, ...]) -> Iterator[Folder]:
        """Yield a root and all folders below it, each with its path."""
        root_id = answers.folder_id(root)
        found: dict[FolderId, etree._Element] = {}
        offset: int | None = 0
        while offset is not None:
            (message,), _ = self._ask("FindFolder", operations.find_folders(root_id, offset))
            for element in answers.folder_elements(self._good(message)):
                found[answers.folder_id(element)] = element
            offset = answers.next_offset(message)
        yield Folder(root_id, path or ("(top)",), answers.folder_class(root))
        for folder_id, element in found.items():
            names = [_label(answers.display_name(element))]
            above = answers.parent_id(element)
            # A hierarchy that changes while it is listed may lack a parent, or turn in circles.
            while above in found and len(names) <= len(found):
                names.append(_label(answers.display_name(found[above])))
                above = answers.parent_id(found[above])
            yield Folder(folder_id, (*path, *reversed(names)), answers.folder_class(element))

    def _good(self, message: etree._Element) -> etree._Element:
        code = answers.code_of(message)
        if code != answers.SUCCESS:
            raise RunError(f"{self.address}: the server refuses: {_meaning(code)}; run again")
        return message

    def _ask(
        self, operation: str, request: etree._Element
    ) -> tuple[list[etree._Element], list[BinaryIO]]:
        """Ask until there is an answer; waits grow from the first one to the longest allowed."""
        wait_s = self._settings.first_wait_s
        while True:
            try:
                return self._ask_once(operation, request)
            except UnauthorizedError as error:
                raise LoginRefusedError(
                    f"{self._settings.url}: the login of the service account is refused. Correct "
                    "its name or password (it was not tried again, so as not to lock the account)"
                ) from error
            except TokenExpiredError:
                cause, hint_s = "TokenExpired", None
            except _TRANSIENT as error:
                cause, hint_s = type(error).__name__, getattr(error, "back_off", None)
            except (GarbledResponseError, answers.IncompleteAnswerError) as error:
                cause, hint_s = str(error), None
            except CONNECTION_ERRORS as error:
                cause, hint_s = type(error).__name__, None
            except ErrorInvalidSyncStateData:
                raise
            except (EWSError, CASError, OAuth2Error, requests.RequestException) as error:
                raise _failure(self.address, self._settings.url, error) from error
            log.warning("server not ready: operation=%s cause=%s", operation, cause)
            try:
                self._patience.back_off(max(hint_s or 0.0, wait_s))
            except RateLimitError as error:
                raise RunError(
                    f"{self._settings.url}: no answer to {operation}: {cause}. The next wait "
                    f"would be {error.wait:.0f} s, the longest allowed is "
                    f"{self._settings.max_wait_s:.0f} s. What was taken is kept; run again when "
                    "the server is well"
                ) from error
            wait_s *= 2

    def _ask_once(
        self, operation: str, request: etree._Element
    ) -> tuple[list[etree._Element], list[BinaryIO]]:
        kind = type(operation, (_Operation,), {"SERVICE_NAME": operation})
        messages, contents = kind(self._account, self._settings.timeout_s).ask(request)
        for message in messages:
            if answers.code_of(message) in _TRANSIENT_CODES:
                raise ErrorServerBusy(
                    answers.code_of(message), back_off=answers.back_off_s(message)
                )
        return messages, contents


def _label(name: str) -> str:
    """Make a folder's name one part of a path on one line."""
    return "".join("_" if char == "/" or not char.isprintable() else char for char in name) or "_"


_CURES = {
    "ErrorImpersonateUserDenied": "give the service account the role ApplicationImpersonation",
    "ErrorImpersonationDenied": "give the service account the role ApplicationImpersonation",
    "ErrorImpersonationFailed": "give the service account the role ApplicationImpersonation",
    "ErrorNonExistentMailbox": "correct the address in the roster",
    "ErrorAccessDenied": "give the service account the role ApplicationImpersonation",
}


def _meaning(code: str) -> str:
    return f"{code} ({_CURES[code]})" if code in _CURES else code


def _failure(address: str, url: str, error: Exception) -> RunError:
    """Say what failed by the error's name alone: its text may hold parts of the response."""
    code = type(error).__name__
    if code in _CURES:
        return RunError(f"{address}: the mailbox cannot be opened: {_meaning(code)}")
    if isinstance(error.__context__, requests.exceptions.SSLError):
        return RunError(
            f"{url}: the server's certificate is not trusted. Name the authority that signed it: "
            "EMAIL_AUDIT_EXCHANGE_CA_FILE, or ca_file of the connection"
        )
    return RunError(
        f"{url}: asking for the mailbox of {address} failed with {code}. What was taken is kept; "
        "mend the cause and run again"
    )


def _retry_after_s(response: requests.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None


class _ClientCredentials(OAuth2Credentials):  # type: ignore[misc]
    """OAuth client credentials against the token service that is named, for instance AD FS."""

    def __init__(self, settings: ExchangeSettings) -> None:
        self._token_url, self._scope = settings.token_url, settings.scope
        super().__init__(
            client_id=settings.client_id, client_secret=settings.secret("client_secret")
        )

    @property
    def token_url(self) -> str:
        return self._token_url

    @property
    def scope(self) -> list[str]:
        return [self._scope]


def _credentials(settings: ExchangeSettings) -> Credentials | _ClientCredentials | None:
    if settings.auth is AuthType.OAUTH:
        return _ClientCredentials(settings)
    if settings.auth is AuthType.KERBEROS:
        return None
    return Credentials(settings.username, settings.secret("password"))


def _auth_type(settings: ExchangeSettings) -> str:
    auth_type: str = _AUTH_TYPES[settings.auth]
    if auth_type not in AUTH_TYPE_MAP:
        raise UserError(
            "Exchange settings: auth kerberos needs the library requests-gssapi; install it with "
            "`pip install 'exchangelib[kerberos]'` and get a ticket with kinit"
        )
    return auth_type


def _version(settings: ExchangeSettings) -> Version | None:
    if not settings.build:
        return None
    try:
        return Version(Build(*map(int, settings.build.split("."))))
    except (TypeError, ValueError) as error:
        raise UserError(
            f"Exchange settings: build is {settings.build!r}; write it like 15.2.1544"
        ) from error


def _adapter(settings: ExchangeSettings) -> type[requests.adapters.HTTPAdapter]:
    """Give the HTTP adapter: certificates are verified, by the CA file if there is one."""
    if settings.ca_file is None:
        return requests.adapters.HTTPAdapter
    ca_file = str(settings.ca_file)

    class _OwnAuthority(requests.adapters.HTTPAdapter):
        def send(self, *args: Any, **kwargs: Any) -> requests.Response:
            return super().send(*args, **kwargs | {"verify": ca_file})

    return _OwnAuthority
