"""HTTP connections whose head is bounded: uvicorn's fast parser reads headers without end.

Bodies are bounded where they are read; nobody else sees a head before it is complete.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 64 * 1024
"""Request line and headers together; a platform's are under two kilobytes."""
MOST_HEADERS = 100


class BoundedHead(HttpToolsProtocol):
    """A connection that answers 400 and closes when a head is larger than any honest one."""

    _open: int | None = None
    """Bytes received of a head that is not complete; None between heads."""

    def data_received(self, data: bytes) -> None:
        """Parse what came, and give up on a head that goes on and on."""
        goes_on = self._open is not None
        super().data_received(data)
        if goes_on and self._open is not None:
            self._open += len(data)
            if self._open > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The headers are too large.")

    def on_message_begin(self) -> None:
        """Begin to measure a head."""
        self._open = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """End a head; too many headers are refused as the parser's own errors are."""
        self._open = None
        if len(self.headers) > MOST_HEADERS:
            message = "too many headers"
            raise ValueError(message)
        super().on_headers_complete()
