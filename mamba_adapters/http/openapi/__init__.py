"""The description of the HTTP interface: pydantic models of what goes over the wire, and the document made of them."""
