"""An MCP server for tests: `python echo_server.py` speaks over standard input and output."""

import os

from mcp.server import MCPServer
from mcp.server.mcpserver import Image
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel

__all__ = ["make_server"]


class Sum(BaseModel):
    total: int


def make_server() -> MCPServer:
    server = MCPServer("echo")

    @server.tool()
    def add(a: int, b: int) -> Sum:
        """Add two numbers."""
        return Sum(total=a + b)

    @server.tool(structured_output=False)
    def say(text: str) -> str:
        """Say it again."""
        return text

    @server.tool(structured_output=False)
    def draw() -> list[str | Image]:
        """Draw."""
        return ["A dot.", Image(data=b"dot", format="png")]

    @server.tool(name="fail.now", structured_output=False)
    def fail() -> str:
        """Fail."""
        raise ToolError("There is no wind today.")

    @server.tool(structured_output=False)
    def crash() -> str:
        """End the process."""
        os._exit(3)

    @server.tool(structured_output=False)
    def environment() -> str:
        """What the process sees."""
        return " ".join(sorted(os.environ))

    @server.tool(structured_output=False, name="x" * 80)
    def unspeakable() -> str:
        """Have a name that no model API takes."""
        return ""

    return server


if __name__ == "__main__":
    make_server().run("stdio")
