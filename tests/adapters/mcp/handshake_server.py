"""An MCP server of the handshake era, by hand: its list has two pages, names one tool twice, and changes.

Calling `grow` adds the tool `grown`, and is answered only when the changed list has been read to its end.
"""

import json
import sys
from collections.abc import Iterator

__all__: list[str] = []

Message = dict[str, object]


def tool(name: str) -> Message:
    return {"name": name, "inputSchema": {"type": "object"}}


def answers(asked: Message, state: dict[str, object]) -> Iterator[Message]:
    """What to send for a request."""
    parameters = asked.get("params")
    assert isinstance(parameters, dict)
    match asked["method"]:
        case "initialize":
            yield result(
                asked["id"],
                {
                    "protocolVersion": parameters["protocolVersion"],
                    "capabilities": {"tools": {"listChanged": True}},
                    "serverInfo": {"name": "old", "version": "1"},
                },
            )
        case "tools/list" if parameters.get("cursor") != "2":
            yield result(asked["id"], {"tools": [tool("one"), tool("grow"), tool("one")], "nextCursor": "2"})
        case "tools/list":
            grown = state.pop("grown", None)
            yield result(asked["id"], {"tools": [tool("two"), *([tool("grown")] if grown else [])]})
            if grown:
                yield result(grown, {"content": [{"type": "text", "text": "grown"}]})
        case "tools/call":
            state["grown"] = asked["id"]
            yield {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
        case _:
            yield {"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32601, "message": "Method not found"}}


def result(number: object, content: Message) -> Message:
    return {"jsonrpc": "2.0", "id": number, "result": content}


if __name__ == "__main__":
    kept: dict[str, object] = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "id" in request:
            for answer in answers({"params": {}, **request}, kept):
                sys.stdout.write(json.dumps(answer) + "\n")
                sys.stdout.flush()
