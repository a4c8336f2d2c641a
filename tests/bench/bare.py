"""The least a webhook can do: read the body, check the signature, say 200. Nothing is kept."""

import argparse

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.line.front import authentic


def application(secret: bytes) -> Starlette:
    async def webhook(request: Request) -> Response:
        body = await request.body()
        good = authentic(body, request.headers.getlist("x-line-signature"), (secret,))
        return Response(status_code=200 if good else 401)

    return Starlette(routes=[Route("/line/webhook", webhook, methods=["POST"])])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret", required=True)
    given = parser.parse_args()
    app = application(given.secret.encode())
    uvicorn.run(app, port=given.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
